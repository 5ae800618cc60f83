"""`gristmill self-test`: whether everything that the program needs works on this machine."""

from __future__ import annotations

import argparse

from app.core.errors import ErrorDetails
from app.core.events import Finished
from app.jobs.reporter import Reporter

NAME = "self-test"
HELP = "Check the engine, the converter and the starter model on this machine."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--window", action="store_true", help="open each page of the window, too")
    way = parser.add_mutually_exclusive_group()
    way.add_argument(
        "--again", action="store_true", help="probe the engine even if it was probed before"
    )
    way.add_argument(
        "--full", action="store_true", help="back to the full setting, whatever the probe found"
    )


def run(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Probe the engine in a child process and look for what set-up should have brought."""
    from app.conversion.converter.installation import converter_folder
    from app.core.settings import load_settings
    from app.inference.self_test.probe import choose_full_setting, engine_setting, forget_setting
    from app.jobs.window_check import check_window
    from app.library.starter import starter_file
    from app.native.devices import devices
    from app.native.library import engine_version

    if arguments.again:
        forget_setting()
    if arguments.full:
        choose_full_setting()
    setting = engine_setting(reporter.report)
    pages = check_window() if arguments.window else ()
    settings, _ = load_settings()
    words = f"safe setting: without {setting.in_words()}" if setting.without else "full setting"
    names = ", ".join(f"{device.name} ({device.description})" for device in devices())
    starter = starter_file(settings)
    lines = [
        f"engine     {engine_version()}, {words}",
        f"devices    {names}",
        f"converter  {converter_folder(settings)}",
        f"starter    {starter if starter.is_file() else 'none; “gristmill setup” fetches it'}",
    ]
    if pages:
        lines.append(f"window     {', '.join(pages)}")
    details: ErrorDetails = {"without": setting.in_words(), "reason": setting.reason}
    reporter.report(Finished(tuple(lines), details))
