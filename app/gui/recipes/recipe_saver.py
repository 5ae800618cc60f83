"""Save the types of a file as a list that other conversions, and llama-quantize, read."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from app.core.errors import AppError
from app.core.language import tr
from app.core.sentences import describe_error
from app.gguf_file.detection import SUFFIX
from app.gguf_file.recipe_file import RECIPE_SUFFIX, write_recipe
from app.gguf_file.type_recipe import Recipe


class RecipeSaver(QObject):
    """Asks where to, and writes.

    Signals:
        saved: a sentence that names the list.
        failed: a sentence that says why there is none.
    """

    saved = Signal(str)
    failed = Signal(str)

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window

    def ask(self, model: str, recipe: Recipe) -> None:
        """Ask for a file, named after the model's, and write the types to it."""
        place = Path(model.removesuffix(SUFFIX) + RECIPE_SUFFIX)
        # The folder of a file that is planned may not exist yet.
        suggested = place if place.parent.is_dir() else Path.home() / place.name
        title, text_files = tr("Save types"), tr("Lists of types (*.txt)")
        if to := QFileDialog.getSaveFileName(self._window, title, str(suggested), text_files)[0]:
            self.save_to(Path(to), recipe)

    def save_to(self, file: Path, recipe: Recipe) -> None:
        """Write the types to a file in place of an existing one."""
        file = file if file.suffix else file.with_suffix(RECIPE_SUFFIX)
        try:
            write_recipe(file, recipe)
        except AppError as error:
            self.failed.emit(describe_error(error.code, error.details))
            return
        words = tr(
            "The types are saved in {name}. “Types from a file” and llama-quantize read them.",
            name=file.name,
        )
        self.saved.emit(words)
