"""Override the types of individual tensors: lines of a pattern and a type; the first match wins."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QLineEdit, QVBoxLayout, QWidget

from app.core.language import tr
from app.gguf_file.type_patterns import pattern_error
from app.gui.pages.convert.type_box import TypeBox
from app.gui.theme.restyle import restyle
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.icon_button import IconButton
from app.gui.widgets.plain_label import PlainLabel

_USUAL_TYPE = "q8_0"


class OverridesList(QWidget):
    """Any number of lines, and a button for one more.

    Signals:
        changed: the user changed, added or removed a line.
    """

    changed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.lines: list[OverrideLine] = []
        self._column = QVBoxLayout()
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(SPACING.small)
        self.add_button = Button(theme, tr("Add a pattern"), icon_name="plus", compact=True)
        self.add_button.clicked.connect(self.add_line)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING.small)
        column.addLayout(self._column)
        column.addWidget(self.add_button, 0, Qt.AlignmentFlag.AlignLeft)
        self.setFocusProxy(self.add_button)

    @property
    def overrides(self) -> tuple[tuple[str, str], ...]:
        """The lines with a valid pattern, in order."""
        return tuple(
            (line.pattern.text(), line.type.value) for line in self.lines if not line.fault
        )

    @property
    def fault(self) -> str:
        """The fault of the first faulty pattern, or empty; an empty line is no fault."""
        return next((line.fault for line in self.lines if line.fault and line.pattern.text()), "")

    def reset(self) -> None:
        """Remove all lines without emitting `changed`."""
        while self.lines:
            self._take_out(self.lines[-1])

    def add_line(self) -> None:
        """Add an empty line and give it the focus."""
        line = OverrideLine(self._theme, len(self.lines) + 1)
        line.changed.connect(self.changed)
        line.removed.connect(self._remove)
        self.lines.append(line)
        self._column.addWidget(line)
        self._put_before_button(line)
        line.show()
        line.pattern.setFocus()

    def _put_before_button(self, line: OverrideLine) -> None:
        """Put a line before the button in the Tab order; otherwise it would come last."""
        before = self.add_button.previousInFocusChain()
        while before is not None and not before.focusPolicy() & Qt.FocusPolicy.TabFocus:
            before = before.previousInFocusChain()
        for control in (line.pattern, line.type, line.remove_button):
            if before is not None:
                self.setTabOrder(before, control)
            before = control

    def _remove(self, line: OverrideLine) -> None:
        self._take_out(line)
        self.add_button.setFocus()
        self.changed.emit()

    def _take_out(self, line: OverrideLine) -> None:
        self.lines.remove(line)
        self._column.removeWidget(line)
        line.hide()
        line.deleteLater()
        for number, kept in enumerate(self.lines, start=1):
            kept.set_number(number)


class OverrideLine(QWidget):
    """A pattern, its type, and a button that removes the line.

    Signals:
        changed: the user changed the line.
        removed: the line itself, which the user removed.
    """

    changed = Signal()
    removed = Signal(object)

    def __init__(self, theme: Theme, number: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.fault = ""
        self.pattern = QLineEdit()
        self.pattern.setPlaceholderText(tr("A part of the name, for example ffn_down"))
        self.type = TypeBox("")
        self.type.set_value(_USUAL_TYPE)
        self.remove_button = IconButton(theme, "close", "")
        self._fault_label = PlainLabel("", "caption", wrap=True)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(SPACING.small)
        grid.setVerticalSpacing(SPACING.tiny)
        grid.addWidget(self.pattern, 0, 0)
        grid.addWidget(self.type, 0, 1)
        grid.addWidget(self.remove_button, 0, 2)
        grid.addWidget(self._fault_label, 1, 0, 1, 3)
        grid.setColumnStretch(0, 1)
        self.set_number(number)
        self._show()
        self.pattern.textEdited.connect(self._on_changed)
        self.type.changed.connect(self.changed)
        self.remove_button.clicked.connect(lambda: self.removed.emit(self))

    def set_number(self, number: int) -> None:
        """Name the controls by the number of the line."""
        for control, words in (
            (self.pattern, tr("Pattern {number}", number=number)),
            (self.type, tr("Type for pattern {number}", number=number)),
        ):
            control.setAccessibleName(words)
        words = tr("Remove pattern {number}", number=str(number))
        self.remove_button.set_action("close", words)

    def _on_changed(self) -> None:
        self._show()
        self.changed.emit()

    def _show(self) -> None:
        text = self.pattern.text()
        reason = pattern_error(text)
        if not text:
            self.fault = tr("Without a pattern this line does not count.")
        elif reason:
            self.fault = tr("This is not a valid regular expression: {reason}.", reason=reason)
        else:
            self.fault = ""
        restyle(self.pattern, "invalid", bool(reason))
        self._fault_label.set_tone("danger" if reason else "plain")
        self._fault_label.set_text(self.fault)
        self._fault_label.setVisible(bool(self.fault))
        self.pattern.setAccessibleDescription(self.fault)
