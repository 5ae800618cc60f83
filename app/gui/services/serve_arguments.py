"""Make the arguments of `gristmill serve`, for the window's own server and for a terminal."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from app.core.addresses import is_host_and_port
from app.core.load_options import LoadOptions, load_arguments_of
from app.core.settings import Settings

VERB = "serve"
_EVERYWHERE = "0.0.0.0"  # noqa: S104 - only after it was confirmed by typing


def serve_arguments(path: str, options: LoadOptions, settings: Settings) -> list[str]:
    """Return the arguments that serve a model with these options, and share it as in the settings.

    Every load option is given, so that the settings at the time of the load don't matter.
    """
    return [
        path,
        *load_arguments_of(options),
        *_worker_arguments(settings.workers),
        *sharing_arguments(settings),
    ]


def serve_command(path: str, options: LoadOptions, settings: Settings) -> str:
    """Return the command for a terminal, quoted for a shell."""
    return shlex.join(("gristmill", VERB, *serve_arguments(path, options, settings)))


def sharing_arguments(settings: Settings) -> list[str]:
    """Return the arguments that share a model, none if it isn't shared.

    Without them the server has another port and key at every load, which only the window knows.
    """
    if not settings.shares_model:
        return []
    arguments = ["--port", str(settings.share_port), "--keep-key"]
    arguments += ["--slots", str(settings.reply_slots)]
    for origin in settings.share_origins:
        arguments += ["--allow-origin", origin]
    if settings.shares_in_network:
        arguments += ["--host", _EVERYWHERE, "--confirm-network", _EVERYWHERE]
    return arguments


def _worker_arguments(workers: Sequence[str]) -> list[str]:
    if not all(map(is_host_and_port, workers)):
        # Without the arguments `serve` takes the same ones from the settings, and reports them.
        return []
    return [word for worker in workers for word in ("--worker", worker)]
