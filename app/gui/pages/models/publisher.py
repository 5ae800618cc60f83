"""Publish a model from the window: a dialog first, then a task."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from app.core.language import tr
from app.gui.pages.models.publication_planner import PublicationPlanner
from app.gui.pages.models.publish_dialog import PublishDialog
from app.gui.services.workbench import Workbench

_STEPS = ("verify", "publish")


class Publisher(QObject):
    """Opens the dialog over a page, and starts what the user chose.

    Signals:
        sign_in_requested: the user wants to enter an access token.
    """

    sign_in_requested = Signal()

    def __init__(self, workbench: Workbench, page: QWidget) -> None:
        super().__init__(page)
        self._workbench = workbench
        self._page = page
        self.planner = PublicationPlanner(self)

    def ask(self, path: str, name: str) -> None:
        """Show what would be published of a model."""
        dialog = PublishDialog(self._workbench.theme, self.planner, path, name, self._page)
        dialog.sign_in_requested.connect(self.sign_in_requested)
        title = tr("Publish {name}", name=name)
        dialog.chosen.connect(
            lambda chosen: self._workbench.tasks.add(
                "publish", title, "publish", *chosen, steps=_STEPS
            )
        )
        dialog.open()
