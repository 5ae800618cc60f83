"""Card of options: an importance matrix, and another folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.core.language import tr
from app.gguf_file.detection import has_gguf_name
from app.gui.pages.convert.conversion_options import ConversionOptions, expanded_path
from app.gui.pages.convert.importance_field import ImportanceField
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SPACING
from app.gui.widgets.collapsible_card import CollapsibleCard
from app.gui.widgets.form_row import FormRow
from app.gui.widgets.path_field import PathField
from app.gui.widgets.plain_label import PlainLabel


class OptionsCard(CollapsibleCard):
    """Shows in its summary what is chosen.

    Signals:
        changed: the user changed an option.
    """

    changed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, "", parent=parent)
        self.set_heading(tr("Options"))
        self.importance = ImportanceField(theme)
        self.folder = PathField(theme, tr("Output folder"))
        self._fault = PlainLabel("", "caption", wrap=True)
        self._fault.set_tone("danger")
        self._importance_row = FormRow(
            tr("Importance matrix"),
            tr(
                "Tells which weights matter most, so low levels lose less. Making one takes a "
                "while, because the model reads the whole text."
            ),
            self.importance,
            stacked=True,
        )
        self._folder_row = FormRow(
            tr("Output folder"),
            tr("For this conversion only. The default is in the settings."),
            self._folder_with_fault(),
            stacked=True,
        )
        self.add(self._importance_row)
        self._line = self.add_line()
        self.add(self._folder_row)
        self.importance.changed.connect(self._on_changed)
        self.folder.changed.connect(self._on_changed)
        self._show()

    def reset(self) -> None:
        """Reset the options that are for one source only."""
        self.importance.reset()
        self._show()

    def set_importance_available(self, is_available: bool) -> None:  # noqa: FBT001 - a property's value
        """Show or hide the importance matrix, as the kind of source allows."""
        self._importance_row.setVisible(is_available)
        self._line.setVisible(is_available)

    def set_default_folder(self, folder: Path) -> None:
        """Set the folder that files go to unless the user chooses another."""
        self.folder.set_hint(str(folder))

    @property
    def fault(self) -> str:
        """The reason why a conversion can't start, with the field's name; empty if none."""
        if not self._importance_row.isHidden() and (fault := self.importance.fault):
            return tr("Importance matrix: {fault}", fault=fault)
        if fault := self._folder_fault():
            return tr("Output folder: {fault}", fault=fault)
        return ""

    def offer_importance(self) -> None:
        """Open the card, and choose to make an importance matrix from the built-in text."""
        self.set_open(True)
        self.importance.choose_builtin_text()

    def offer_own_text(self) -> None:
        """Open the card, and ask for a text of the user."""
        self.set_open(True)
        self.importance.offer_own_text()

    def applied_to(self, options: ConversionOptions) -> ConversionOptions:
        """Return the options with those of this card."""
        folder = "" if self._folder_fault() else self.folder.path
        return self.importance.applied_to(replace(options, folder=folder))

    def _folder_fault(self) -> str:
        folder = Path(expanded_path(self.folder.path))
        is_meant_as_file = has_gguf_name(folder.name) and not folder.is_dir()
        if self.folder.path and (is_meant_as_file or folder.is_file()):
            return tr("That is a file, not a folder.")
        return ""

    def _on_changed(self) -> None:
        self._show()
        self.changed.emit()

    def _show(self) -> None:
        fault = self._folder_fault()
        self.folder.set_invalid(bool(fault))
        self._fault.set_text(fault)
        self._fault.setVisible(bool(fault))
        self.set_summary(self._chosen() or tr("Importance matrix, output folder"))

    def _chosen(self) -> str:
        options = self.applied_to(ConversionOptions())
        words = []
        if options.has_importance:
            name = Path(options.importance_path).name
            kinds = {
                "builtin": tr("Importance matrix from the built-in text"),
                "text": tr("Importance matrix from {name}", name=name),
                "file": tr("Importance matrix {name}", name=name),
            }
            words.append(kinds[options.importance_kind])
        if options.folder:
            words.append(tr("Saved in {folder}", folder=options.folder))
        return " · ".join(words)

    def _folder_with_fault(self) -> QWidget:
        both = QWidget()
        column = QVBoxLayout(both)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING.small)
        column.addWidget(self.folder)
        column.addWidget(self._fault)
        both.setFocusProxy(self.folder)
        return both
