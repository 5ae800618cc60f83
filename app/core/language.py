"""Translation of every text that users see.

Texts are English in the code. A translation is a gettext catalog,
`resources/translations/LANGUAGE/LC_MESSAGES/gristmill.mo`; the environment selects the language
(LANGUAGE, LC_ALL, LC_MESSAGES, LANG), so that child processes and the window agree.
"""

from __future__ import annotations

import functools
import gettext
import re

from app.core.resources import resource

_DOMAIN = "gristmill"
_FIELD = re.compile(r"\{(\w+)\}")


def tr(text: str, /, **values: object) -> str:
    """Translate a literal, and fill its `{name}` fields with the values given by name.

    Catalogs are made from the code, so `text` must be a literal. Tables of texts call this where
    they are written, and `fill` where they are read.
    """
    return fill(_catalog().gettext(text) if text else "", **values)


def tr_count(one: str, many: str, /, count: int, **values: object) -> str:
    """Translate the form of a text for a count, its field `{count}`; both forms are literals.

    English has the form `one` for 1 only; a catalog states the rule of its language.
    """
    return fill(_catalog().ngettext(one, many, count), count=count, **values)


def translated(text: str) -> str:
    """Translate a text from a file in `resources`; catalogs contain those texts, too."""
    return _catalog().gettext(text) if text else ""


def fill(text: str, /, **values: object) -> str:
    """Replace each `{name}` with the value for that name; fields without a value stay.

    Whole numbers are amounts, and get thousands separators; pass a text for any other number, such
    as a port.
    """
    if not values:
        return text
    return _FIELD.sub(lambda field: _in_words(values.get(field[1], field[0])), text)


def _in_words(value: object) -> str:
    is_amount = isinstance(value, int) and type(value) is not bool
    return f"{value:,}" if is_amount else str(value)


@functools.cache
def _catalog() -> gettext.NullTranslations:
    return gettext.translation(_DOMAIN, resource("translations"), fallback=True)
