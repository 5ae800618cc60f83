"""The verb `sign-in`: keeps an access token of the Hub in the system's keyring."""

from __future__ import annotations

import argparse

from app.cli.secret import ask_secret
from app.core.events import Finished
from app.hub.access_token import store_token
from app.jobs.reporter import Reporter

NAME = "sign-in"
HELP = "Keep an access token for gated and private repositories in the system's keyring."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare no arguments: a token in one could be read by every program."""


def run(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Ask for the token, or receive it from the parent, and store it."""
    prompt = "Access token (it is not shown): "
    store_token(ask_secret(prompt, from_parent=arguments.events))
    reporter.report(Finished())
