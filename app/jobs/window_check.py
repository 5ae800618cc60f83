"""Has a child open each page of the window, on no display and with a data folder of its own."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from app.core import paths
from app.core.errors import AppError, ErrorCode
from app.jobs.launch import OPEN_PAGES, child_environment, pages_command_line

_MOST_SECONDS = 120


def check_window() -> tuple[str, ...]:
    """The names of the pages, when all of them open.

    Raises:
        AppError: `window_broken`.
    """
    with tempfile.TemporaryDirectory(prefix="gristmill-", ignore_cleanup_errors=True) as home:
        if paths.engine_file().is_file():
            # Without it the window would test the engine.
            shutil.copy(paths.engine_file(), Path(home) / paths.engine_file().name)
        chosen = {"GRISTMILL_HOME": home, "QT_QPA_PLATFORM": "offscreen"}
        try:
            child = subprocess.run(
                pages_command_line(),
                env=child_environment(OPEN_PAGES) | chosen,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=_MOST_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            pages = error.stdout.decode("utf-8", "replace") if error.stdout else ""
            raise _broken(pages, f"it took longer than {_MOST_SECONDS} s") from error
    if child.returncode != 0:
        raise _broken(child.stdout, child.stderr.strip() or f"exit status {child.returncode}")
    return tuple(dict.fromkeys(child.stdout.split()))


def _broken(pages: str, log: str) -> AppError:
    *_, page = ("chat", *pages.split())
    reason = log.strip().splitlines()[-1].strip()
    return AppError(ErrorCode.WINDOW_BROKEN, page=page, reason=reason)
