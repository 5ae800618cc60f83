"""Which links of a model's text may be opened, and how their target is shown."""

from __future__ import annotations

import unicodedata

from PySide6.QtCore import QUrl

_SCHEMES = frozenset({"http", "https", "mailto"})


def external_link(address: QUrl) -> QUrl | None:
    """The address when it may be given to the system: a web page or a mail address, else None."""
    if not address.isValid() or address.scheme() not in _SCHEMES:
        return None
    if address.scheme() == "mailto":
        return address if "@" in address.path() else None
    if not address.host() or address.userInfo():
        return None
    return address


def shown_target(address: QUrl) -> str:
    """Where a link leads, with the host as the network sees it and nothing hidden in it."""
    encoded = address.toString(QUrl.ComponentFormattingOption.FullyEncoded)
    return "".join(c for c in encoded if unicodedata.category(c)[0] != "C")
