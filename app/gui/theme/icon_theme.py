"""The program's own icons under the standard names that Qt's fields and dialogs ask for."""

from __future__ import annotations

from configparser import RawConfigParser
from io import StringIO

from PySide6.QtGui import QIcon

from app.gui.theme.icons import IconName, icon_svg
from app.gui.theme.theme_files import theme_file
from app.gui.theme.tokens import Colors

_NAMES: dict[str, IconName] = {
    "computer": "memory",
    "drive-harddisk": "memory",
    "edit-clear": "close",
    "edit-clear-locationbar-ltr": "close",
    "edit-clear-locationbar-rtl": "close",
    "folder": "folder",
    "folder-new": "plus",
    "folder-open": "folder",
    "go-next": "chevron-right",
    "go-previous": "chevron-left",
    "go-up": "chevron-up",
    "inode-directory": "folder",
    "inode-symlink": "file",
    "text-x-generic": "file",
    "unknown": "file",
    "user-desktop": "folder",
    "user-home": "folder",
    "user-trash": "trash",
    "view-list-details": "jobs",
    "view-list-icons": "grid",
    "view-list-text": "jobs",
}
_INDEX = {
    "Icon Theme": {"Name": "Gristmill", "Inherits": "hicolor", "Directories": "scalable"},
    "scalable": {"Type": "Scalable", "Size": "16", "MinSize": "8", "MaxSize": "512"},
}


def use_icons(name: str, colors: Colors) -> None:
    """Use the icons in the muted color of a theme, named as Qt knows it."""
    index = theme_file(f"{name}/index.theme", _index_text())
    for standard, own in _NAMES.items():
        theme_file(f"{name}/scalable/{standard}.svg", icon_svg(own, colors.muted))
    place = str(index.parents[1])
    if place not in QIcon.themeSearchPaths():
        QIcon.setThemeSearchPaths([place, *QIcon.themeSearchPaths()])
    QIcon.setThemeName(name)


def _index_text() -> str:
    index = RawConfigParser()
    # Its keys have capital letters.
    index.optionxform = str  # type: ignore[assignment,method-assign]
    index.read_dict(_INDEX)
    text = StringIO()
    index.write(text, space_around_delimiters=False)
    return text.getvalue()
