"""Parse Markdown: CommonMark with GitHub's tables, strikethrough and bare addresses.

Formulas keep every character. So does what is useless here: HTML, definitions of links, and links
that don't lead to the web or to an email address.
"""

from __future__ import annotations

from collections.abc import Callable

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline, image, link
from markdown_it.token import Token
from PySide6.QtCore import QUrl

from app.gui.markdown import formulas
from app.gui.markdown.bare_links import add_addresses
from app.gui.markdown.emphasis import add_emphasis
from app.gui.markdown.links import external_link
from app.gui.markdown.tables import add_tables

# markdown-it drops what is nested deeper. Blocks are flattened before they get here.
_DEEPEST = 200
_LONGEST_LABEL = 1_000


class _Parser(MarkdownIt):
    def __init__(self) -> None:
        super().__init__("commonmark", {"html": False, "maxNesting": _DEEPEST})
        self.enable(["table", "strikethrough"]).disable(["html_block", "html_inline", "reference"])
        self.inline.ruler.at("link", _near(link))
        self.inline.ruler.at("image", _near(image))
        add_tables(self)
        add_emphasis(self)
        add_addresses(self)
        formulas.add_blocks(self)
        formulas.add_inline(self)

    def validateLink(self, url: str) -> bool:
        """Reject links that can't be opened: they stay text, with their target."""
        return external_link(QUrl(url)) is not None


_Rule = Callable[[StateInline, bool], bool]


def _near(rule: _Rule) -> _Rule:
    """Limit a rule to short labels: otherwise each of many brackets would scan the whole text."""

    def read_near(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - markdown-it's
        end = min(state.posMax, state.pos + _LONGEST_LABEL)
        return state.src.find("](", state.pos, end) >= 0 and rule(state, silent)

    return read_near


_parser = _Parser()


def read(source: str) -> list[Token]:
    """Return the tokens of a Markdown text."""
    return _parser.parse(source)
