"""Card of advanced options: types of individual tensors, threads, ggml's reference code."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QWidget

from app.core.language import tr
from app.core.load_options import LoadOptions
from app.core.option_fields import option_fields
from app.gui.pages.convert.conversion_options import ConversionOptions
from app.gui.pages.convert.overrides_list import OverridesList
from app.gui.pages.convert.type_box import TypeBox
from app.gui.theme.theme import Theme
from app.gui.widgets.auto_spin_box import AutoSpinBox
from app.gui.widgets.collapsible_card import CollapsibleCard
from app.gui.widgets.form_row import FormRow
from app.gui.widgets.path_field import PathField
from app.machine.cores import usable_threads

_TYPE_FILES = tr("GGUF files and lists of types (*.gguf *.txt);;All files (*)")
_THREADS = option_fields(LoadOptions)["threads"]


class AdvancedCard(CollapsibleCard):
    """Shows in its summary what differs from the defaults.

    Signals:
        changed: the user changed an option.
    """

    changed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, "", parent=parent)
        self.set_heading(tr("Advanced"))
        self.output_type = TypeBox(tr("Output tensor"), allows_empty=True)
        self.embedding_type = TypeBox(tr("Token embeddings"), allows_empty=True)
        self.types_from = PathField(
            theme, tr("Types from a file"), "file", file_filter=_TYPE_FILES, hint=tr("None")
        )
        self.overrides = OverridesList(theme)
        self.threads = AutoSpinBox(
            _THREADS.title, int(_THREADS.minimum), int(_THREADS.maximum), usable_threads()
        )
        self.reference = QCheckBox()
        self.reference.setAccessibleName(tr("Reference quantization"))
        self._of_types: list[QWidget] = []
        self._uses_reference_by_default = False
        self._build_rows()
        self._show()
        for part in (
            self.output_type,
            self.embedding_type,
            self.types_from,
            self.overrides,
            self.threads,
        ):
            part.changed.connect(self._on_changed)
        self.reference.clicked.connect(self._on_changed)

    def reset(self) -> None:
        """Reset the options that are for one source only."""
        for box in (self.output_type, self.embedding_type):
            box.set_value("")
        self.types_from.set_path("")
        self.overrides.reset()
        self._show()

    def take_types(self, path: str) -> None:
        """Take the types from a file."""
        self.types_from.set_path(path)
        self._on_changed()

    def set_types_available(self, is_available: bool) -> None:  # noqa: FBT001 - a property's value
        """Show or hide the types of tensors, as the kind of source allows."""
        for row in self._of_types:
            row.setVisible(is_available)

    def set_reference_by_default(self, is_default: bool) -> None:  # noqa: FBT001 - a property's value
        """Show that the settings select the reference code anyway."""
        self._uses_reference_by_default = is_default
        self.reference.setEnabled(not is_default)
        self.reference.setText(tr("On in the settings") if is_default else "")

    @property
    def fault(self) -> str:
        """The reason why a conversion can't start, with the field's name; empty if none."""
        are_shown = not self._of_types[0].isHidden()
        fault = self.overrides.fault if are_shown else ""
        return tr("Other tensors: {fault}", fault=fault) if fault else ""

    def applied_to(self, options: ConversionOptions) -> ConversionOptions:
        """Return the options with those of this card."""
        return replace(
            options,
            output_type=self.output_type.value,
            embedding_type=self.embedding_type.value,
            overrides=self.overrides.overrides,
            types_from=self.types_from.path,
            threads=self.threads.value,
            uses_reference_code=self.reference.isChecked() and not self._uses_reference_by_default,
        )

    def _on_changed(self) -> None:
        self._show()
        self.changed.emit()

    def _show(self) -> None:
        usual = tr("Tensor types, threads, reference quantization")
        self.set_summary(" · ".join(self._chosen()) or usual)

    def _chosen(self) -> list[str]:
        options = self.applied_to(ConversionOptions())
        output, embedding = options.output_type, options.embedding_type
        patterns, threads = len(options.overrides), options.threads
        parts = (
            (output, tr("output {value}", value=output)),
            (embedding, tr("embeddings {value}", value=embedding)),
            (options.types_from, tr("types from {value}", value=Path(options.types_from).name)),
            (patterns, tr("patterns: {value}", value=patterns)),
            (threads, tr("threads: {value}", value=threads)),
            (options.uses_reference_code, tr("reference quantization")),
        )
        return [words for value, words in parts if value]

    def _build_rows(self) -> None:
        for row in self._type_rows():
            self.add(row)
            self._of_types += (row, self.add_line())
        self.add(FormRow(tr("Threads"), tr("Automatic uses all cores."), self.threads))
        self.add_line()
        self.add(
            FormRow(
                tr("Reference quantization"),
                tr("Quantize with ggml's own code: the same bytes, several times slower."),
                self.reference,
            )
        )

    def _type_rows(self) -> tuple[FormRow, ...]:
        return (
            FormRow(
                tr("Output tensor"),
                tr("Type of output.weight, which turns the model's state into tokens."),
                self.output_type,
            ),
            FormRow(
                tr("Token embeddings"),
                tr("Type of token_embd.weight, which turns tokens into the model's state."),
                self.embedding_type,
            ),
            FormRow(
                tr("Types from a file"),
                tr(
                    "Tensors get the types that they have in this GGUF file, or in this list of "
                    "types. Types chosen here come first."
                ),
                self.types_from,
                stacked=True,
            ),
            FormRow(
                tr("Other tensors"),
                tr(
                    "A regular expression for tensor names, and the type of the tensors it "
                    "matches. The first match counts."
                ),
                self.overrides,
                stacked=True,
            ),
        )
