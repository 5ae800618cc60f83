"""Ask before a link in a stranger's text is opened."""

from __future__ import annotations

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QWidget

from app.core.language import tr
from app.gui.theme.theme import Theme
from app.gui.widgets.confirm_dialog import ConfirmDialog


def ask_to_open(address: QUrl, theme: Theme, parent: QWidget) -> None:
    """Open an address in the browser once the user has confirmed it.

    A link can be labeled with any text, so the dialog shows its real address.
    """
    encoded = QUrl.ComponentFormattingOption.FullyEncoded
    dialog = ConfirmDialog(
        theme,
        tr("Open this address?"),
        address.host(encoded) or address.path(),
        [address.toString(encoded)],
        tr("Open"),
        parent,
    )
    dialog.accepted.connect(lambda: QDesktopServices.openUrl(address))
    dialog.open()
