"""The program's entry point: open the window or, with a verb, work in the terminal."""

from __future__ import annotations

import multiprocessing
import sys

from app.core.openable import openable
from app.jobs.launch import OPEN_PAGES, PIP, RENDER, restore_environment


def main() -> int:
    """Run the window or a verb; the exit status is 0, 1 (failed), 2 (usage) or 130 (canceled).

    A verb ends the process instead of returning. The program also starts itself for some internal
    children that are not verbs. If all arguments are .gguf files or links to repositories, as file
    managers and browsers pass them, the window opens them.
    """
    multiprocessing.freeze_support()
    restore_environment()
    arguments = sys.argv[1:]
    if arguments == [RENDER]:
        from app.inference.prompts.sandbox_child import answer_until_closed

        answer_until_closed()
    if arguments[:1] == [PIP]:
        from app.jobs.pip_child import run_pip

        run_pip(arguments[1:])
    if arguments == [OPEN_PAGES]:
        from app.gui.shell.page_check import open_each_page

        return open_each_page()
    opened = [text for argument in arguments if (text := openable(argument))]
    if len(opened) < len(arguments):
        from app.cli.main import run_command_line
        from app.jobs.lifeline import exit_now, open_closed_streams

        open_closed_streams()
        exit_now(run_command_line(arguments))
    from app.gui.shell.application import run_window

    return run_window(opened)


if __name__ == "__main__":
    sys.exit(main())
