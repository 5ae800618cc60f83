"""`gristmill self-test`: whether everything that the program needs works on this machine."""

from __future__ import annotations

import argparse

from app.core.events import Finished
from app.jobs.reporter import Reporter

NAME = "self-test"
HELP = "Check the engine, the converter and the starter model on this machine."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--again", action="store_true", help="probe the engine even if it was probed before"
    )


def run(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Probe the engine in a child process and look for what set-up should have brought."""
    from app.conversion.installation import converter_folder
    from app.core.settings import load_settings
    from app.inference.probe import engine_setting, forget_setting
    from app.library.starter import starter_file
    from app.native.devices import devices
    from app.native.library import engine_version

    if arguments.again:
        forget_setting()
    setting = engine_setting(reporter.report)
    settings, notice = load_settings()
    if notice:
        reporter.report(notice)
    words = "full speed" if setting.has_extra_buffers else "safe setting"
    names = ", ".join(f"{device.name} ({device.description})" for device in devices())
    starter = starter_file(settings)
    lines = (
        f"engine     {engine_version()}, {words}",
        f"devices    {names}",
        f"converter  {converter_folder(settings)}",
        f"starter    {starter if starter.is_file() else 'none; “gristmill setup” fetches it'}",
    )
    reporter.report(Finished(lines, {"has_extra_buffers": int(setting.has_extra_buffers)}))
