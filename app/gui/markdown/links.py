"""Decide which links in a model's text may be opened, and show their targets."""

from __future__ import annotations

import unicodedata

from PySide6.QtCore import QUrl

_SCHEMES = frozenset({"http", "https", "mailto"})


def external_link(address: QUrl) -> QUrl | None:
    """Return the address if it is a web or email address, which may be opened, or else None."""
    if not address.isValid() or address.scheme() not in _SCHEMES:
        return None
    if address.scheme() == "mailto":
        return address if "@" in address.path() else None
    if not address.host() or address.userInfo():
        return None
    return address


def shown_target(address: QUrl) -> str:
    """Return the target of a link with the host in its ASCII form and hidden characters visible."""
    encoded = address.toString(QUrl.ComponentFormattingOption.FullyEncoded)
    return "".join(c for c in encoded if unicodedata.category(c)[0] != "C")
