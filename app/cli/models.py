"""`gristmill models`: what can be done with the models on this machine, each as a verb of its own.

Alone it lists them.
"""

from __future__ import annotations

import argparse
from types import MappingProxyType
from typing import TYPE_CHECKING

from app.cli import models_list, models_verify
from app.core.language import tr
from app.jobs.reporter import Reporter

if TYPE_CHECKING:
    from app.cli.main import Verb

NAME = "models"
HELP = tr("List, check and change the models on this machine; alone, it lists them.")
SUBVERBS: MappingProxyType[str, Verb] = MappingProxyType(
    {verb.NAME: verb for verb in (models_list, models_verify)}
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verbs below this one with their arguments."""
    choices = parser.add_subparsers(dest="subverb", metavar="VERB")
    for verb in SUBVERBS.values():
        verb.add_arguments(choices.add_parser(verb.NAME, help=verb.HELP, description=verb.HELP))
    parser.set_defaults(places=[], json=False)


def run(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Run the verb below this one, `list` if there is none."""
    SUBVERBS[arguments.subverb or models_list.NAME].run(arguments, reporter)
