"""The type scale grows with the system's font size."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QFont, QFontDatabase
from PySide6.QtWidgets import QApplication

from app.gui.theme import fonts


@pytest.mark.parametrize(
    ("platform", "points", "scale"),
    [
        ("linux", 11, 1.0),
        ("linux", 9, 1.0),
        ("linux", 16.5, 1.5),
        ("win32", 9, 1.0),
        ("win32", 13.5, 1.5),
        ("darwin", 13, 1.0),
        ("darwin", 40, 2.0),
    ],
)
def test_a_larger_font_of_the_system_enlarges_all_text(
    qapp: QApplication,
    monkeypatch: pytest.MonkeyPatch,
    platform: str,
    points: float,
    scale: float,
) -> None:
    monkeypatch.setattr(fonts.sys, "platform", platform)
    font = QFont()
    font.setPointSizeF(points)
    assert fonts.scale_of(font) == scale


def test_a_role_has_its_size_at_the_scale_of_the_system(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont)
    large.setPointSizeF(fonts._USUAL_POINTS.get(fonts.sys.platform, 11) * 1.5)
    monkeypatch.setattr(QFontDatabase, "systemFont", lambda _: QFont(large))
    fonts._scale.cache_clear()
    try:
        assert fonts.text_font("body").pixelSize() == 21
        assert fonts.text_font("caption").pixelSize() == 18
    finally:
        fonts._scale.cache_clear()
