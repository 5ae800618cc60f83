"""Write the verbs and their arguments into app/cli/README.md, generated from the parsers.

Run: `python packaging/verb_table.py`; with `--check` it writes nothing, and exits with status 1
if the file is out of date. The text around the two markers is written by hand.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from app.cli.load_arguments import LOAD_GROUP, add_load_arguments
from app.cli.main import CHILD_VERBS, Verb, verbs_for
from app.core.load_options import flag_of

README = Path(__file__).resolve().parent.parent / "app" / "cli" / "README.md"
BEGIN = "<!-- verbs: written by packaging/verb_table.py -->"
END = "<!-- end of verbs -->"
_VERBS = ("| verb | purpose |", "|---|---|")
_ARGUMENTS = ("| argument | description |", "|---|---|")


def main(arguments: list[str]) -> int:
    """Update the file, or check that it is up to date; the exit status is 0 or 1."""
    parser = argparse.ArgumentParser(prog="verb_table.py", description="Write the table of verbs.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if out of date")
    parsed = parser.parse_args(arguments)
    return update(README, is_check=parsed.check)


def update(readme: Path, *, is_check: bool) -> int:
    """Replace the text between the markers; with `is_check`, only compare it.

    Raises:
        ValueError: a marker is missing.
    """
    now = readme.read_text("utf-8")
    before, found_begin, rest = now.partition(BEGIN)
    _, found_end, after = rest.partition(END)
    if not (found_begin and found_end):
        raise ValueError(f"{readme} lacks the marker {END if found_begin else BEGIN}")
    wanted = f"{before}{BEGIN}\n\n{verb_table()}\n{END}{after}"
    if wanted == now:
        return 0
    if is_check:
        sys.stderr.write(f"{readme} is out of date; run “python packaging/verb_table.py”.\n")
        return 1
    readme.write_text(wanted, "utf-8")
    return 0


def verb_table() -> str:
    """Return the public verbs as Markdown: an overview, each verb, and the load options."""
    verbs = [verb for verb in verbs_for([]) if verb.NAME not in CHILD_VERBS]
    lines = [*_VERBS, *(_row(f"[`{verb.NAME}`](#{verb.NAME})", verb.HELP) for verb in verbs)]
    for verb in verbs:
        lines += ["", f"### {verb.NAME}", "", *_sections(verb)]
    lines += ["", "### Load options", "", *_ARGUMENTS, *map(_line, _load_options())]
    return "\n".join(lines) + "\n"


def _sections(verb: Verb) -> Iterator[str]:
    """Yield the section of a verb, or one for each subverb."""
    below: Mapping[str, Verb] = getattr(verb, "SUBVERBS", {})
    if not below:
        yield from _section(verb, verb.NAME)
        return
    yield verb.HELP
    for one in below.values():
        name = f"{verb.NAME} {one.NAME}"
        yield from ("", f"#### {name}", "", one.HELP, "", *_section(one, name))


def _section(verb: Verb, name: str) -> Iterator[str]:
    parser = argparse.ArgumentParser(add_help=False)
    verb.add_arguments(parser)
    groups = _actions(parser)
    taken = [action.dest for action in groups.pop(LOAD_GROUP, [])]
    own = [action for actions in groups.values() for action in actions]
    words = [_placeholder(action) for action in own if not action.option_strings]
    yield f"`{' '.join(['gristmill', name, *words])}`"
    if own:
        yield from ("", *_ARGUMENTS, *map(_line, own))
    if taken:
        absent = [flag_of(each.dest) for each in _load_options() if each.dest not in taken]
        but = f", except `{'`, `'.join(absent)}`" if absent else ""
        yield from ("", f"It also takes the [load options](#load-options){but}.")


def _load_options() -> list[argparse.Action]:
    parser = argparse.ArgumentParser(add_help=False)
    add_load_arguments(parser)
    return _actions(parser)[LOAD_GROUP]


def _actions(parser: argparse.ArgumentParser) -> dict[str, list[argparse.Action]]:
    """Return the arguments shown by `--help`, by the titles of their groups."""
    return {
        group.title or "": [
            action
            for action in group._group_actions  # noqa: SLF001 - argparse has no public list
            if action.help != argparse.SUPPRESS
        ]
        for group in parser._action_groups  # noqa: SLF001 - nor one of the groups
    }


def _line(action: argparse.Action) -> str:
    flag = ", ".join(action.option_strings)
    if isinstance(action, argparse.BooleanOptionalAction):
        flag = f"--[no-]{action.option_strings[0].removeprefix('--')}"
    takes_value = not flag or action.nargs != 0
    words = [flag, _placeholder(action)] if takes_value else [flag]
    text = (action.help or "") % vars(action)
    return _row(f"`{' '.join(filter(None, words))}`", text.replace("*", r"\*"))


def _placeholder(action: argparse.Action) -> str:
    name = str(action.metavar or action.dest.upper())
    if action.choices is not None and action.metavar is None:
        name = "|".join(map(str, action.choices))
    return f"[{name} …]" if action.nargs == argparse.ZERO_OR_MORE else name


def _row(*cells: str) -> str:
    escaped = (cell.replace("|", r"\|") for cell in cells)
    return f"| {' | '.join(escaped)} |"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
