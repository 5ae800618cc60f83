"""Permission to use the internet: everything that connects to it asks here first."""

from __future__ import annotations

from app.core.errors import AppError, ErrorCode
from app.core.settings import load_settings


def require_network() -> None:
    """Check that the settings allow connections to the internet.

    Raises:
        AppError: `local_only`.
    """
    settings, _ = load_settings()
    if settings.local_only:
        raise AppError(ErrorCode.LOCAL_ONLY)
