"""Fetch a Hub repository without its weights, as the source of an estimate."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from pathlib import Path

from app.conversion.converter.converter_process import import_converter, import_torch
from app.conversion.converter.installation import converter_folder
from app.conversion.converter.transformers_choice import Transformers, transformers_for
from app.conversion.converter.vocabulary_prefetch import VocabularyPrefetch
from app.core.events import Event
from app.core.settings import Settings
from app.hub.outline import Tensors, fetch_outline
from app.hub.reference import RepositoryReference
from app.profiling.quick_sizes import approximate_sizes


def outline_of(
    reference: RepositoryReference,
    settings: Settings,
    report: Callable[[Event], None],
    vocabulary: VocabularyPrefetch,
) -> Path:
    """Fetch the outline of a repository.

    Args:
        reference: The repository.
        settings: Locate the converter, which is imported meanwhile.
        report: Receives the approximate sizes first.
        vocabulary: Started as soon as the outline is there, before the converter.

    Raises:
        AppError: `converter_missing`, and errors of `fetch_outline`.
    """
    converter = converter_folder(settings)
    chosen: Future[Transformers] = Future()

    def report_sizes(tensors: Tensors) -> None:
        if (sizes := approximate_sizes(tensors)) is not None:
            report(sizes)

    def choose(folder: Path) -> None:
        chosen.set_result(transformers_for(folder))
        vocabulary.read_with(chosen.result())

    # The layout needs the converter next; importing it takes about as long as the network.
    importing = threading.Thread(target=_import_when_chosen, args=(converter, chosen))
    try:
        place = fetch_outline(reference, report, report_sizes, importing.start, choose)
    except BaseException:
        chosen.cancel()
        raise
    vocabulary.begin(place)
    if importing.ident is not None:
        # Two threads importing the same modules block each other.
        importing.join()
    return place


def _import_when_chosen(converter: Path, chosen: Future[Transformers]) -> None:
    import_torch()
    with suppress(CancelledError):
        import_converter(converter, chosen.result())
