"""Figures: points where their values belong, labels and colors that tell them apart."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
from PySide6.QtCore import QPoint, QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPolygonF
from PySide6.QtWidgets import QPushButton, QWidget
from pytestqt.qtbot import QtBot

from app.gui.plots.bar_figure import BarFigure
from app.gui.plots.figure import Figure
from app.gui.plots.figure_view import FigureView
from app.gui.plots.label_placement import Box
from app.gui.plots.plotted_values import MarkWords, PlotBar, PlotPoint
from app.gui.plots.scatter_figure import ScatterFigure
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import DARK, LIGHT, Colors

WORDS = MarkWords("usual", "measured", "Pareto line")
SIZE = QSizeF(700, 350)
POINTS = [
    PlotPoint("Q8_0", 8.5, 0.001, ("Q8_0", "0.001")),
    PlotPoint("Q4_K_M", 4.9, 0.05, ("Q4_K_M", "0.05")),
    PlotPoint("Q4_0", 4.7, 0.12, ("Q4_0", "0.12")),
    PlotPoint("Q4_K_M-tuned", 4.8, 0.03, ("Q4_K_M-tuned", "0.03"), is_marked=True),
]
FAMILY = (
    ("3.00bpw", 3.0, 0.21),
    ("Q2_K", 3.35, 0.24),
    ("Q3_K_S", 3.64, 0.16),
    ("Q3_K_M", 3.99, 0.085),
    ("4.25bpw", 4.25, 0.041),
    ("IQ4_XS", 4.45, 0.044),
    ("Q4_0", 4.66, 0.062),
    ("Q4_K_S", 4.67, 0.035),
    ("Q4_K_M", 4.89, 0.029),
    ("Q5_K_S", 5.57, 0.012),
    ("Q5_K_M", 5.7, 0.011),
    ("Q6_K", 6.56, 0.0049),
    ("Q8_0", 8.5, 0.0011),
)
BARS = [
    PlotBar("Q4_0", 40.0, "40", ("Q4_0", "40 tokens/s")),
    PlotBar("Q8_0", 20.0, "20", ("Q8_0", "20 tokens/s"), is_marked=True),
]


@pytest.fixture
def scatter(theme: Theme) -> ScatterFigure:
    return ScatterFigure("Quality", "Size, GB", "KL", POINTS, WORDS)


@pytest.fixture
def bars(theme: Theme) -> BarFigure:
    return BarFigure("Speed", "Tokens/s", BARS, WORDS)


def drawn(figure: Figure, colors: Colors) -> QImage:
    image = QImage(SIZE.toSize(), QImage.Format.Format_RGB32)
    image.fill(QColor(colors.surface))
    painter = QPainter(image)
    figure.draw(painter, SIZE, colors)
    painter.end()
    return image


def middles(figure: Figure) -> list[QPointF]:
    return [target.place.center() for target in figure.targets(SIZE)]


def test_the_front_leaves_out_what_is_larger_and_no_better(scatter: ScatterFigure) -> None:
    assert [scatter.points[index].label for index in scatter.front] == [
        *("Q4_0", "Q4_K_M-tuned", "Q8_0")
    ]


def test_points_lie_in_the_order_of_their_values(scatter: ScatterFigure) -> None:
    spots = middles(scatter)
    assert [spot.x() for spot in spots] == sorted(spot.x() for spot in spots)
    by_value = sorted(zip(scatter.points, spots, strict=True), key=lambda pair: pair[0].y)
    heights = [spot.y() for _, spot in by_value]
    assert heights == sorted(heights, reverse=True)


@pytest.mark.parametrize("colors", [LIGHT, DARK], ids=["light", "dark"])
def test_marked_points_have_another_color_and_shape(scatter: ScatterFigure, colors: Colors) -> None:
    image = drawn(scatter, colors)
    widths: dict[bool, set[int]] = {True: set(), False: set()}
    for point, spot in zip(scatter.points, middles(scatter), strict=True):
        own = QColor(colors.memory.weights if point.is_marked else colors.memory.kv)
        assert image.pixelColor(spot.toPoint()) == own
        row = (image.pixelColor(spot.toPoint() + QPoint(x, 0)) for x in range(-9, 10))
        widths[point.is_marked].add(sum(pixel == own for pixel in row))
    # A diamond is wider than a circle that looks as large.
    assert min(widths[True]) > max(widths[False])


@pytest.mark.parametrize("width", [288, 500, 700, 1300])
def test_every_label_has_its_place(scatter: ScatterFigure, width: int) -> None:
    size = QSizeF(width, scatter.height_for(width))
    labels = scatter.labels(size)
    assert all(labels)
    assert all(one.box.left >= 0 and one.box.right <= width for one in labels if one)


@pytest.mark.parametrize("width", [500, 640, 700, 1000])
@pytest.mark.parametrize(
    "names", [{"Q4_K_M", "Q5_K_M", "Q8_0"}, {name for name, _, _ in FAMILY}], ids=["few", "all"]
)
def test_the_line_crosses_no_label(theme: Theme, width: int, names: set[str]) -> None:
    points = [
        PlotPoint(name, size, value, (name,)) for name, size, value in FAMILY if name in names
    ]
    figure = ScatterFigure("Quality", "Size, GB", "KL", points, WORDS)
    size = QSizeF(width, figure.height_for(width))
    corners = [target.place.center() for target in figure.targets(size)]
    line = QPolygonF([corners[one] for one in figure.front])
    labels = [label.box for label in figure.labels(size) if label]
    assert len(labels) == len(names)
    assert not [box for box in labels if crosses(line, box)]


def crosses(line: QPolygonF, box: Box) -> bool:
    # Shrunk, because the placement looks at points on the line that are a few pixels apart.
    place = QRectF(box.left, box.top, box.width, box.height).adjusted(3, 3, -3, -3)
    return any(
        place.contains(one + share / 200 * (other - one))
        for one, other in pairwise(line)
        for share in range(201)
    )


def test_one_point_is_enough(theme: Theme) -> None:
    figure = ScatterFigure("Quality", "GB", "KL", POINTS[:1], WORDS)
    (spot,) = middles(figure)
    assert drawn(figure, LIGHT).pixelColor(spot.toPoint()) == QColor(LIGHT.memory.kv)


def test_bars_are_as_long_as_their_values(bars: BarFigure) -> None:
    image = drawn(bars, LIGHT)
    colors = (LIGHT.memory.kv, LIGHT.memory.weights)
    lengths = []
    for spot, color in zip(middles(bars), colors, strict=True):
        row = [image.pixelColor(x, round(spot.y())) for x in range(60, image.width())]
        lengths.append(sum(pixel == QColor(color) for pixel in row))
    assert lengths[0] == pytest.approx(2 * lengths[1], abs=3)
    assert lengths[1] > 100


def test_bars_of_zero_are_drawn(theme: Theme) -> None:
    zero = BarFigure("Speed", "Tokens/s", [PlotBar("Q4_0", 0.0, "0", ("Q4_0",))], WORDS)
    drawn(zero, LIGHT)
    assert zero.height_for(300) > 24


@pytest.fixture
def view(scatter: ScatterFigure, theme: Theme, qtbot: QtBot) -> Iterator[FigureView]:
    window, view = QWidget(), FigureView(theme)
    qtbot.addWidget(window)
    before = QPushButton("before", window)
    view.setParent(window)
    view.show_figure(scatter)
    view.setGeometry(0, 40, 600, view.heightForWidth(600))
    window.resize(600, 40 + view.height())
    window.show()
    qtbot.waitExposed(window)
    before.setFocus()
    yield view
    window.close()


def test_the_pointer_shows_exact_values(view: FigureView, qtbot: QtBot) -> None:
    qtbot.mouseMove(view, view.target_place(3).center().toPoint())
    qtbot.waitUntil(lambda: view.shown_words == ("Q8_0", "0.001"))
    qtbot.mouseMove(view, view.rect().bottomLeft())
    qtbot.waitUntil(lambda: view.shown_words == ())


def test_the_keyboard_shows_exact_values(view: FigureView, qtbot: QtBot) -> None:
    assert view.accessibleName() == "Quality"
    assert "Q4_0, 0.12; " in view.accessibleDescription()
    view.activateWindow()
    view.setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.waitUntil(lambda: view.shown_words == ("Q4_0", "0.12"))
    qtbot.keyClick(view, Qt.Key.Key_Right)
    assert view.shown_words == ("Q4_K_M-tuned", "0.03")
    assert view.accessibleDescription() == "Q4_K_M-tuned, 0.03"
    qtbot.keyClick(view, Qt.Key.Key_End)
    qtbot.keyClick(view, Qt.Key.Key_Right)
    assert view.shown_words == ("Q8_0", "0.001")
    qtbot.keyClick(view, Qt.Key.Key_Home)
    qtbot.keyClick(view, Qt.Key.Key_Left)
    assert view.shown_words == ("Q4_0", "0.12")
    view.clearFocus()
    assert view.shown_words == ()


def test_the_values_stay_within_the_view(view: FigureView, qtbot: QtBot) -> None:
    for index in range(len(POINTS)):
        before = view.grab().toImage()
        qtbot.mouseMove(view, view.target_place(index).center().toPoint())
        qtbot.waitUntil(lambda: bool(view.shown_words))
        image = view.grab().toImage()
        changed = [
            (x, y)
            for x in range(0, image.width(), 2)
            for y in range(0, image.height(), 2)
            if image.pixel(x, y) != before.pixel(x, y)
        ]
        assert len(changed) > 200
        assert min(x for x, _ in changed) > 0
        assert max(x for x, _ in changed) < image.width() - 1
        qtbot.mouseMove(view, view.rect().bottomLeft())
        qtbot.waitUntil(lambda: not view.shown_words)
