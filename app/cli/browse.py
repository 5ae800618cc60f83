"""`gristmill browse`: answer the window's requests about the Hub until the window is gone."""

from __future__ import annotations

import argparse
import threading

from app.core.language import tr
from app.jobs import lifeline
from app.jobs.reporter import Reporter

NAME = "browse"
HELP = tr("Answer requests about the Hub from standard input; used by the window.")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare no arguments."""


def run(_: argparse.Namespace, reporter: Reporter) -> None:
    """Answer each request with events; the lifeline ends this."""
    from app.cli.hub_host import this_host
    from app.hub.browsing import Browsing
    from app.hub.hub_connections import HubConnections

    host = this_host()
    # Loading the engine takes half a second, during which the Hub may answer.
    threading.Thread(target=host.hardware, daemon=True).start()
    with HubConnections() as connections:
        browsing = Browsing(reporter.report, connections, host)
        while True:
            browsing.ask(lifeline.receive_request())
