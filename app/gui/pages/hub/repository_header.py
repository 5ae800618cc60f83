"""Header of a repository's page: the way back, the name, the revision, the facts."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from app.core.hub_events import HubPageFound
from app.core.language import tr
from app.gui.pages.hub.repository_words import facts_in_words
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.drop_down import DropDown
from app.gui.widgets.eliding_button import ElidingButton
from app.gui.widgets.plain_label import PlainLabel

_FIXED_LENGTH = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
_LETTERS = 10
_SHOWN_COMMIT = 8
_COMMIT = 40


class RepositoryHeader(QWidget):
    """Shows the facts about the repository.

    Signals:
        back: the user wants to go back.
        page_requested: the user wants the repository's page in the browser.
        license_requested: the user wants to read the license in the browser.
        revision_chosen: another branch or tag, or None for the main one.
    """

    back = Signal()
    page_requested = Signal()
    license_requested = Signal()
    revision_chosen = Signal(object)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.back_button = Button(theme, tr("Back"), "quiet", icon_name="chevron-left")
        self.title = PlainLabel("", "title", elide=True)
        self.revision = DropDown()
        self.revision.setAccessibleName(tr("Revision"))
        self.revision.setSizeAdjustPolicy(_FIXED_LENGTH)
        self.revision.setMinimumContentsLength(_LETTERS)
        self.page_button = Button(theme, tr("Open its page"), "link")
        self.license_button = ElidingButton(theme, tr("License"), "link")
        self._of_license = (PlainLabel(tr("License"), "muted"), self.license_button)
        self.facts = PlainLabel("", "muted", wrap=True, selectable=True)
        self._build_layout()
        self.back_button.clicked.connect(self.back)
        self.page_button.clicked.connect(self.page_requested)
        self.license_button.clicked.connect(self.license_requested)
        self.revision.activated.connect(
            lambda row: self.revision_chosen.emit(self.revision.itemData(row))
        )

    def wait_for(self, repository: str) -> None:
        """Show only the name."""
        self.title.set_text(repository)
        self.page_button.show()
        for widget in (self.revision, *self._of_license, self.facts):
            widget.hide()

    def show_missing(self) -> None:
        """Offer no page of a repository that doesn't exist."""
        self.page_button.hide()

    def show_page(self, page: HubPageFound, revision: str | None) -> None:
        """Show the facts, and the revisions to choose from."""
        self.title.set_text(page.repository)
        self.facts.set_text(facts_in_words(page))
        self.facts.show()
        self.license_button.set_text(page.license or tr("other"))
        for widget in self._of_license:
            widget.setVisible(bool(page.license or page.license_link))
        self._show_revisions(page, revision)

    def _show_revisions(self, page: HubPageFound, revision: str | None) -> None:
        others = [name for name in page.revisions if name != "main"]
        with QSignalBlocker(self.revision):
            self.revision.clear()
            self.revision.addItem("main", None)
            for name in dict.fromkeys([*others, *([revision] if revision else [])]):
                if name != "main":
                    self.revision.addItem(_shown_revision(name), name)
            self.revision.setCurrentIndex(max(0, self.revision.findData(revision)))
        self.revision.setVisible(self.revision.count() > 1)

    def _build_layout(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(SPACING.small)
        top.addWidget(self.back_button)
        top.addWidget(self.title, 1)
        top.addWidget(self.revision)
        links = QHBoxLayout()
        links.setSpacing(SPACING.small)
        for widget in self._of_license:
            links.addWidget(widget)
        links.addWidget(self.page_button)
        links.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING.tiny)
        column.addLayout(top)
        column.addWidget(self.facts)
        column.addLayout(links)


def _shown_revision(name: str) -> str:
    return name[:_SHOWN_COMMIT] if len(name) == _COMMIT else name
