"""Press every button with the keyboard's focus on it, and look where the focus is afterwards."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import QObject, Qt, QTimer, QUrl, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QAbstractButton, QApplication, QFileDialog, QMenu, QWidget
from shiboken6 import isValid

from tests.gui.walk.places import Walk, buttons_in, settle

_SCHEMES = ("file", "https", "http")
_DANGEROUS = ("Cancel: ", "Delete", "Discard", "Remove")


class _Outside(QObject):
    """Stands for other programs: opens nothing, and closes file dialogs and menus."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        for scheme in _SCHEMES:
            QDesktopServices.setUrlHandler(scheme, self, "ignore")
        self._timer = QTimer(self, interval=50)
        self._timer.timeout.connect(self._close)
        self._timer.start()

    @Slot(QUrl)
    def ignore(self, url: QUrl) -> None:
        """Open nothing."""

    def _close(self) -> None:
        for shown in (QApplication.activeModalWidget(), QApplication.activePopupWidget()):
            if isinstance(shown, QFileDialog | QMenu):
                shown.close()


def focus_faults(walk: Walk, place: str) -> Iterator[str]:
    """Yield a line for each button of a place after which the focus is lost or in danger."""
    outside = _Outside(QApplication.instance())
    root = walk.open(place)
    names = dict.fromkeys(_name(button) for button in buttons_in(root))
    for name in names:
        button = _button(root, name)
        if button is None:
            walk.leave()
            root = walk.open(place)
            button = _button(root, name)
        if button is None:
            continue
        yield from _press(root, button, f"{place}, after {name!r}")
    walk.leave()
    outside.deleteLater()


def _name(button: QAbstractButton) -> str:
    return button.accessibleName() or button.text()


def _button(root: QWidget, name: str) -> QAbstractButton | None:
    if not isValid(root) or not root.isVisible():
        return None
    return next((b for b in buttons_in(root) if _name(b) == name), None)


def _press(root: QWidget, button: QAbstractButton, where: str) -> Iterator[str]:
    root.activateWindow()
    button.setFocus(Qt.FocusReason.TabFocusReason)
    if not button.hasFocus():
        return
    button.click()
    settle()
    if not isValid(root) or not root.isVisible():
        return
    if QApplication.focusWidget() is None:
        _come_back(root)
    yield from _judged(button, where)
    dialog = QApplication.activeModalWidget() or QApplication.activePopupWidget()
    if dialog is not None and dialog is not root:
        dialog.close()
        _come_back(root)
        yield from _judged(button, f"{where} and closing the dialog")


def _come_back(root: QWidget) -> None:
    """Activate the window below a closed dialog, as a window manager does."""
    settle()
    root.activateWindow()
    settle()


def _judged(button: QAbstractButton, where: str) -> Iterator[str]:
    if QApplication.activePopupWidget() is not None or not isValid(button):
        return
    focus = QApplication.focusWidget()
    if focus is None or not focus.isVisible() or not focus.isEnabled():
        yield f"{where}: the focus is nowhere ({focus})"
        return
    name = focus.accessibleName() or getattr(focus, "text", str)()
    if not name:
        yield f"{where}: the focus is on a {type(focus).__name__} without a name"
    elif focus is not button and str(name).startswith(_DANGEROUS):
        yield f"{where}: the focus is on {name!r}"
