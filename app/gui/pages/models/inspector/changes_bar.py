"""The bar below a model's page while changes are not saved, or are being saved."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from app.core.events import Progressed
from app.core.language import tr
from app.core.pace import Pace
from app.gui.pages.models.inspector.metadata_view import TITLES
from app.gui.pages.models.inspector.pending_changes import PendingChanges
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.plain_label import PlainLabel
from app.gui.widgets.progress_row import ProgressRow


class ChangesBar(QFrame):
    """Names the changes and offers to save or discard them; hidden while there are none.

    Signals:
        saved: the user wants to change the model.
        copied: the user wants a changed copy.
        canceled: the user wants to stop saving.
    """

    saved = Signal()
    copied = Signal()
    canceled = Signal()

    def __init__(
        self, theme: Theme, changes: PendingChanges, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self.setAccessibleName(tr("Changes"))
        self._changes = changes
        self._words = PlainLabel("", elide=True)
        self.discard_button = Button(theme, tr("Discard"), "quiet")
        self.copy_button = Button(theme, tr("Save as…"))
        self.save_button = self.safe_control = Button(theme, tr("Save"), "primary")
        self._progress = ProgressRow(theme, tr("Saving the changes"))
        self._offer = QWidget()
        row = QHBoxLayout(self._offer)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACING.small)
        row.addWidget(self._words, 1)
        for button in (self.discard_button, self.copy_button, self.save_button):
            row.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(SPACING.large, SPACING.small, SPACING.large, SPACING.small)
        for part in (self._offer, self._progress):
            column.addWidget(part)
        self.discard_button.clicked.connect(self._discard)
        self.copy_button.clicked.connect(self.copied)
        self.save_button.clicked.connect(self.saved)
        self._progress.canceled.connect(self.canceled)
        changes.changed.connect(self._show)
        self.offer()
        self._show()

    def show_progress(self, progress: Progressed, pace: Pace) -> None:
        """Show the progress of saving."""
        self._offer.hide()
        self._progress.show()
        self._progress.show_progress(progress.done_bytes, progress.total_bytes, pace)

    def offer(self) -> None:
        """Offer to save again."""
        self._progress.hide()
        self._offer.show()

    def _show(self) -> None:
        keys = list(self._changes.values)
        names = ", ".join(TITLES.get(key, key) for key in keys)
        self._words.set_text(tr("Not saved: {names}", names=names))
        self.setVisible(bool(keys))

    def _discard(self) -> None:
        for key in list(self._changes.values):
            self._changes.undo(key)
