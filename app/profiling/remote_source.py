"""A repository on the Hub as the source of an estimate, without its weights."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from pathlib import Path

from app.conversion.converter.converter_process import import_converter, import_torch
from app.conversion.converter.installation import converter_folder
from app.conversion.converter.transformers_choice import Transformers, transformers_for
from app.conversion.converter.vocabulary_ahead import VocabularyAhead
from app.core.events import Event
from app.core.settings import Settings
from app.hub.outline import Tensors, fetch_outline
from app.hub.reference import RepositoryReference
from app.profiling.quick_sizes import approximate_sizes


def outline_of(
    reference: RepositoryReference,
    settings: Settings,
    report: Callable[[Event], None],
    vocabulary: VocabularyAhead,
) -> Path:
    """The outline of a repository.

    Args:
        reference: The repository.
        settings: For the converter, which is imported meanwhile.
        report: Hears of about its sizes first.
        vocabulary: Is begun as soon as the outline is there, before the converter is.

    Raises:
        AppError: `converter_missing`; what `fetch_outline` raises.
    """
    converter = converter_folder(settings)
    chosen: Future[Transformers] = Future()

    def tell(tensors: Tensors) -> None:
        if (sizes := approximate_sizes(tensors)) is not None:
            report(sizes)

    def choose(folder: Path) -> None:
        chosen.set_result(transformers_for(folder))
        vocabulary.read_with(chosen.result())

    # The layout needs it next, and it takes about as long as the network.
    importing = threading.Thread(target=_import_when_chosen, args=(converter, chosen))
    try:
        place = fetch_outline(reference, report, tell, importing.start, choose)
    except BaseException:
        chosen.cancel()
        raise
    vocabulary.begin(place)
    if importing.ident is not None:
        # Two threads that import the same modules get in each other's way.
        importing.join()
    return place


def _import_when_chosen(converter: Path, chosen: Future[Transformers]) -> None:
    import_torch()
    with suppress(CancelledError):
        import_converter(converter, chosen.result())
