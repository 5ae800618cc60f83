"""Text is readable in both themes: at least 4.5:1, control edges at least 3:1."""

from __future__ import annotations

import dataclasses

import pytest

from app.gui.theme.tokens import DARK, LIGHT, Colors

READABLE, VISIBLE, LEGIBLE = 4.5, 3.0, 2.5


def _luminance(color: str) -> float:
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _pairs(c: Colors) -> list[tuple[str, str]]:
    grounds = [c.ground, c.surface, c.hover, c.code_ground]
    pairs = [(ink, ground) for ink in (c.ink, c.muted) for ground in grounds]
    pairs += [(c.ink, ground) for ground in (c.pressed, c.selection, c.bubble)]
    pairs += [(ink, g) for ink in (c.accent, c.danger, c.success) for g in (c.ground, c.surface)]
    pairs += [(c.ink, c.warning_surface), (c.ink, c.danger_surface)]
    pairs += [(c.warning, c.warning_surface), (c.danger, c.danger_surface)]
    pairs += [(c.danger, c.hover), (c.surface, c.danger), (c.surface, c.danger_strong)]
    pairs += [(c.accent_ink, g) for g in (c.accent, c.accent_hover, c.accent_pressed)]
    pairs += [(ink, c.code_ground) for ink in dataclasses.astuple(c.code)]
    return pairs


def test_contrast_is_measured_as_the_standard_says() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#767676", "#FFFFFF") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("colors", [LIGHT, DARK], ids=["light", "dark"])
def test_text_has_enough_contrast(colors: Colors) -> None:
    too_faint = [(i, g, contrast(i, g)) for i, g in _pairs(colors) if contrast(i, g) < READABLE]
    assert too_faint == []


@pytest.mark.parametrize("colors", [LIGHT, DARK], ids=["light", "dark"])
def test_edges_and_focus_rings_are_visible(colors: Colors) -> None:
    for ground in (colors.ground, colors.surface, colors.hover):
        assert contrast(colors.outline, ground) >= VISIBLE
        assert contrast(colors.edge, ground) > contrast(colors.outline, ground)
        assert contrast(colors.accent, ground) >= VISIBLE
        assert contrast(colors.disabled, ground) >= LEGIBLE
    assert (
        contrast(colors.ink, colors.accent) >= VISIBLE
        or contrast(colors.ground, colors.accent) >= VISIBLE
    )


@pytest.mark.parametrize("colors", [LIGHT, DARK], ids=["light", "dark"])
def test_parts_of_memory_are_visible(colors: Colors) -> None:
    assert all(contrast(c, colors.surface) >= VISIBLE for c in dataclasses.astuple(colors.memory))


@pytest.mark.parametrize("colors", [LIGHT, DARK], ids=["light", "dark"])
def test_shares_are_visible_and_differ(colors: Colors) -> None:
    assert all(contrast(c, colors.ground) >= VISIBLE for c in colors.shares)
    assert len(set(colors.shares)) == len(colors.shares)


def test_the_design_colors_are_unchanged() -> None:
    light = (LIGHT.ground, LIGHT.surface, LIGHT.line, LIGHT.ink, LIGHT.muted, LIGHT.accent)
    dark = (DARK.ground, DARK.surface, DARK.line, DARK.ink, DARK.muted, DARK.accent)
    assert light == ("#FAF8F4", "#FFFFFF", "#E4DED3", "#23201B", "#6E675C", "#9A6207")
    assert dark == ("#1B1A18", "#242220", "#3A3733", "#ECE7DD", "#A49C8F", "#E3A63F")
