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
    """Translate `text` to the user's language and replace each `{name}` by the value of that name.

    Fields without a value stay, and so do braces in values. The text must be a literal, or come
    from a table of literals in `tr`: catalogs are extracted from the code.
    """
    translated = _catalog().gettext(text) if text else ""
    if not values:
        return translated
    return _FIELD.sub(lambda field: str(values.get(field[1], field[0])), translated)


@functools.cache
def _catalog() -> gettext.NullTranslations:
    return gettext.translation(_DOMAIN, resource("translations"), fallback=True)
