"""A repository on the Hub as the source of an estimate, without its weights."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from app.conversion.converter_process import import_converter
from app.conversion.installation import converter_folder
from app.core.events import Event
from app.core.settings import Settings
from app.estimation.approximate import approximate_sizes
from app.hub.outline import Tensors, fetch_outline
from app.hub.reference import RepositoryReference


def outline_of(
    reference: RepositoryReference,
    settings: Settings,
    report: Callable[[Event], None],
    announce: Callable[[Path], None] | None = None,
) -> Path:
    """The outline of a repository.

    Args:
        reference: The repository.
        settings: For the converter, which is imported meanwhile.
        report: Hears of about its sizes first.
        announce: Hears of the outline as soon as it is there, before the converter is.

    Raises:
        AppError: `converter_missing`; what `fetch_outline` raises.
    """
    converter = converter_folder(settings)

    def tell(tensors: Tensors) -> None:
        if (sizes := approximate_sizes(tensors)) is not None:
            report(sizes)

    # The layout needs it next, and it takes about as long as the network.
    importing = threading.Thread(target=import_converter, args=(converter,))
    place = fetch_outline(reference, report, tell, importing.start)
    if announce is not None:
        announce(place)
    if importing.ident is not None:
        # Two threads that import the same modules get in each other's way.
        importing.join()
    return place
