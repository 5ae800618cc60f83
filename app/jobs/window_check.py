"""Open each page of the window in a child, without a display and with its own data folder."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from app.core import paths
from app.core.errors import AppError, ErrorCode
from app.core.language import tr
from app.jobs.child_process import ChildProcess
from app.jobs.launch import OPEN_PAGES, child_environment, pages_command_line

_MAX_SECONDS = 120


def check_window() -> tuple[str, ...]:
    """Return the names of all pages if they open.

    Raises:
        AppError: `window_broken`.
    """
    with tempfile.TemporaryDirectory(prefix="gristmill-", ignore_cleanup_errors=True) as home:
        if paths.engine_file().is_file():
            # Otherwise the window would test the engine.
            shutil.copy(paths.engine_file(), Path(home) / paths.engine_file().name)
        chosen = {"GRISTMILL_HOME": home, "QT_QPA_PLATFORM": "offscreen"}
        with ChildProcess(pages_command_line(), child_environment(OPEN_PAGES) | chosen) as child:
            returncode = child.wait(_MAX_SECONDS)
    pages = b"".join(child.remaining_lines()).decode("utf-8", "replace")
    if returncode is None:
        raise _broken(pages, tr("it took longer than {seconds} s", seconds=_MAX_SECONDS))
    if returncode != 0:
        status = tr("exit status {status}", status=str(returncode))
        raise _broken(pages, child.log().strip() or status)
    return tuple(dict.fromkeys(pages.split()))


def _broken(pages: str, log: str) -> AppError:
    *_, page = ("chat", *pages.split())
    reason = log.strip().splitlines()[-1].strip()
    return AppError(ErrorCode.WINDOW_BROKEN, page=page, reason=reason)
