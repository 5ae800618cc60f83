"""The program's own icons under the standard names that Qt's fields and dialogs ask for."""

from __future__ import annotations

from configparser import RawConfigParser
from pathlib import Path

from PySide6.QtCore import QTemporaryDir
from PySide6.QtGui import QIcon

from app.gui.theme.icons import IconName, icon_svg
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


class IconTheme:
    """Keeps an icon theme for each theme of the window, in a folder deleted with this object."""

    def __init__(self) -> None:
        self._folder = QTemporaryDir()
        QIcon.setThemeSearchPaths([self._folder.path(), *QIcon.themeSearchPaths()])

    def use(self, name: str, colors: Colors) -> None:
        """Use the icons in the muted color of a theme."""
        folder = Path(self._folder.filePath(name))
        if not folder.exists():
            (folder / "scalable").mkdir(parents=True)
            _write_index(folder / "index.theme")
            for standard, own in _NAMES.items():
                file = folder / "scalable" / f"{standard}.svg"
                file.write_text(icon_svg(own, colors.muted), encoding="utf-8")
        QIcon.setThemeName(name)


def _write_index(file: Path) -> None:
    index = RawConfigParser()
    # Its keys have capital letters.
    index.optionxform = str  # type: ignore[assignment,method-assign]
    index.read_dict(_INDEX)
    with file.open("w", encoding="utf-8") as stream:
        index.write(stream, space_around_delimiters=False)
