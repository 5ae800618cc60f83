"""`gristmill sign-in`: store an access token for the Hub in the system keyring."""

from __future__ import annotations

import argparse

from app.cli.secret import ask_secret
from app.core.events import Finished
from app.core.language import tr
from app.hub.access_token import store_token
from app.jobs.reporter import Reporter

NAME = "sign-in"
HELP = tr(
    "Store a Hugging Face token in the keyring, for gated and private repositories and to publish."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare no arguments: other programs could read a token on the command line."""


def run(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Prompt for the token, or receive it from the parent, and store it."""
    prompt = tr("Access token (hidden): ")
    store_token(ask_secret(prompt, from_parent=arguments.events))
    reporter.report(Finished())
