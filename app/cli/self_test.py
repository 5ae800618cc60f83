"""`gristmill self-test`: check the engine, the converter and the starter model."""

from __future__ import annotations

import argparse

from app.core.errors import ErrorDetails
from app.core.events import Finished
from app.core.language import tr
from app.jobs.reporter import Reporter

NAME = "self-test"
HELP = tr("Check the engine, the converter and the starter model on this machine.")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--window", action="store_true", help=tr("also open each page of the window")
    )
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument(
        "--again", action="store_true", help=tr("probe the engine even if it was probed before")
    )
    mode.add_argument(
        "--full",
        action="store_true",
        help=tr("return to the full setting, whatever the probe found"),
    )


def run(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Probe the engine in a child process and look for what setup should have installed."""
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
    words = tr("full setting")
    if setting.disabled_features:
        words = tr("safe setting: without {features}", features=setting.described())
    names = ", ".join(f"{device.name} ({device.description})" for device in devices())
    starter = starter_file(settings)
    missing = tr("missing; run “gristmill setup” to fetch it")
    lines = [
        f"{label:<11}{text}"
        for label, text in (
            (tr("engine"), f"{engine_version()}, {words}"),
            (tr("devices"), names),
            (tr("converter"), str(converter_folder(settings))),
            (tr("starter"), str(starter) if starter.is_file() else missing),
            (tr("window"), ", ".join(pages)),
        )
        if text
    ]
    details: ErrorDetails = {"without": setting.described(), "reason": setting.reason}
    reporter.report(Finished(tuple(lines), details))
