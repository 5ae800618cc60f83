"""`gristmill models`: verbs for the models on this machine.

Without one of them, it lists the models.
"""

from __future__ import annotations

import argparse
from types import MappingProxyType
from typing import TYPE_CHECKING

from app.cli import models_edit, models_inspect, models_list, models_verify
from app.core.language import tr
from app.jobs.reporter import Reporter

if TYPE_CHECKING:
    from app.cli.main import Verb

NAME = "models"
HELP = tr("List, inspect, verify and edit the models on this machine; without a verb, list them.")
SUBVERBS: MappingProxyType[str, Verb] = MappingProxyType(
    {verb.NAME: verb for verb in (models_list, models_inspect, models_verify, models_edit)}
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the subverbs with their arguments."""
    choices = parser.add_subparsers(dest="subverb", metavar="VERB")
    for verb in SUBVERBS.values():
        verb_parser = choices.add_parser(verb.NAME, help=verb.HELP, description=verb.HELP)
        verb.add_arguments(verb_parser)
        verb_parser.set_defaults(parser=verb_parser)
    parser.set_defaults(places=[], json=False)


def run(arguments: argparse.Namespace, reporter: Reporter) -> None:
    """Run the subverb, or `list` if there is none."""
    SUBVERBS[arguments.subverb or models_list.NAME].run(arguments, reporter)
