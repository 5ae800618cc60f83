"""Dialog to change a chat template, with its result beside it while it is typed."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QDialog, QVBoxLayout, QWidget

from app.core.errors import AppError
from app.core.inspection_events import TemplateTried
from app.core.language import tr
from app.gguf_file.editable_metadata import TEMPLATE_KEY, parsed_value
from app.gui.pages.models.inspector.template_panes import TemplatePanes
from app.gui.pages.models.inspector.template_trial import TemplateTrial
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.dialog_buttons import dialog_buttons
from app.gui.widgets.plain_label import PlainLabel

_USUAL_SIZE = QSize(960, 640)


class TemplateDialog(QDialog):
    """Tries the text whenever the user pauses; opened with `open`, deleted when closed.

    Signals:
        entered: the new template.
    """

    entered = Signal(str)

    def __init__(
        self, theme: Theme, text: str, trial: TemplateTrial, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Chat template"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._trial = trial
        self._text = text
        self.panes = TemplatePanes(is_editable=True)
        self.apply = Button(theme, tr("Apply"), "primary")
        cancel = Button(theme, tr("Cancel"))
        words = tr("A program in Jinja that turns the messages of a chat into the model's input.")
        column = QVBoxLayout(self)
        column.setContentsMargins(*[SPACING.wide] * 4)
        column.setSpacing(SPACING.medium)
        column.addWidget(PlainLabel(words, "muted", wrap=True))
        column.addWidget(self.panes, 1)
        column.addLayout(dialog_buttons(cancel, self.apply))
        self.panes.source.setPlainText(text)
        self.panes.source.textChanged.connect(self._try)
        trial.tried.connect(self._show_trial)
        self.apply.clicked.connect(self._finish)
        cancel.clicked.connect(self.reject)
        self.panes.source.setFocus()
        room = parent.window().size() if parent else _USUAL_SIZE
        self.resize(_USUAL_SIZE.boundedTo(room))
        self._try()

    def _try(self) -> None:
        self._text = self.panes.source.toPlainText()
        try:
            parsed_value(TEMPLATE_KEY, self._text)
        except AppError as error:
            self.apply.setEnabled(False)
            if self._text:
                self.panes.show_trial(TemplateTried(problem=str(error.details["reason"])))
            return
        self.apply.setEnabled(True)
        self._trial.try_out(self._text)

    def _show_trial(self, text: str, tried: TemplateTried) -> None:
        if text == self._text:
            self.panes.show_trial(tried)

    def _finish(self) -> None:
        self.entered.emit(self._text)
        self.accept()
