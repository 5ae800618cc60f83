"""How the engine's server is started so that other programs can use the model, too."""

from __future__ import annotations

from app.core.settings import Settings

_EVERYWHERE = "0.0.0.0"  # noqa: S104 - only after it was confirmed by typing


def sharing_arguments(settings: Settings) -> list[str]:
    """The arguments for `serve`: none while the model is not shared.

    Without them the server has a port and a key of its own at every load, which the window alone
    knows.
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
