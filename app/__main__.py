"""One program: without a verb it opens the window, with one it works in the terminal."""

from __future__ import annotations

import multiprocessing
import sys


def main() -> int:
    """Run the window or a verb; the exit status is 0, 1 (failed), 2 (usage) or 130 (cancelled)."""
    multiprocessing.freeze_support()
    if len(sys.argv) > 1:
        from app.cli.main import run_command_line

        return run_command_line(sys.argv[1:])
    from app.gui.application import run_window

    return run_window()


if __name__ == "__main__":
    sys.exit(main())
