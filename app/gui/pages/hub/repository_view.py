"""Page of one repository: its facts, the models to get from it, and its model card."""

from __future__ import annotations

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QStackedLayout, QVBoxLayout, QWidget

from app.core import hub_events
from app.core.errors import ErrorCode
from app.core.hub_events import HubAnswered, HubPageFound
from app.core.language import tr
from app.core.load_options import load_options_of
from app.core.sentences import describe_error
from app.gui.getting.get_row import GetRow
from app.gui.markdown.link_dialog import ask_to_open
from app.gui.markdown.links import external_link
from app.gui.markdown.view import MarkdownView
from app.gui.pages.hub.access_card import AccessCard
from app.gui.pages.hub.answer_state import AnswerState
from app.gui.pages.hub.family_row import FamilyRow
from app.gui.pages.hub.files_card import FilesCard
from app.gui.pages.hub.gguf_card import GgufCard
from app.gui.pages.hub.levels_card import LevelsCard
from app.gui.pages.hub.repository_header import RepositoryHeader
from app.gui.pages.hub.repository_words import readable_card
from app.gui.services.workbench import Workbench
from app.gui.theme.tokens import SIZE, SPACING
from app.gui.widgets.card import Card
from app.gui.widgets.plain_label import PlainLabel
from app.gui.widgets.scroll_column import ScrollColumn
from app.hub.hub_address import hub_endpoint


class RepositoryView(QWidget):
    """Shows one repository at a time.

    Signals:
        back: the user wants to go back.
        opened: the name of another repository whose page to show, and None.
        quantized_requested: the models that others made of a repository, by its name.
        chat_requested: the path of a finished model.
        sign_in_requested: the user wants to enter an access token.
    """

    back = Signal()
    opened = Signal(str, object)
    quantized_requested = Signal(str)
    chat_requested = Signal(str)
    sign_in_requested = Signal()

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workbench = workbench
        theme = workbench.theme
        self._channel = workbench.hub.open_channel("page")
        self._asked = hub_events.HubPage(repository="")
        self._page: HubPageFound | None = None
        self._choice: list[str] = []
        self.header = RepositoryHeader(theme)
        self.safe_control = self.header.back_button
        self.state = AnswerState(theme, tr("Opening…"))
        self.get_row = GetRow(theme)
        self.note = PlainLabel("", "caption", wrap=True)
        self.access = AccessCard(theme)
        self.family = FamilyRow(theme)
        self.levels = LevelsCard(theme)
        self.gguf = GgufCard()
        self.files = FilesCard(theme)
        self.card = MarkdownView(theme, tr("Model card"))
        self._build_layout()
        self._connect()

    def open(self, repository: str, revision: str | None = None) -> None:
        """Ask for the page of a repository and show it."""
        self.stop()
        self._page = None
        self._choice = []
        self._asked = hub_events.HubPage(repository=repository, revision=revision)
        self.header.wait_for(repository)
        self.state.wait()
        self._stack.setCurrentWidget(self.state)
        if self.isVisible():
            # What had the focus may be gone.
            self.safe_control.setFocus(Qt.FocusReason.OtherFocusReason)
        self._channel.ask(self._asked)

    def stop(self) -> None:
        """Stop all requests and plans for the repository."""
        self._channel.drop()
        self.state.stop()
        self.levels.stop()
        self.gguf.stop()

    def _build_layout(self) -> None:
        card = Card(tr("Model card"))
        self.card.setMaximumWidth(SIZE.reading)
        card.add(self.card)
        self._card_frame = card
        self._scroll = ScrollColumn()
        for widget in (self.access, self.gguf, self.levels, self.files, card):
            self._scroll.column.addWidget(widget)
        self._scroll.column.addStretch(1)
        shown = QWidget()
        inner = QVBoxLayout(shown)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(SPACING.medium)
        for row in (self.family, self.note, self.get_row):
            inner.addWidget(row)
        inner.addWidget(self._scroll, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING.small)
        column.addWidget(self.header)
        self._stack = QStackedLayout()
        column.addLayout(self._stack, 1)
        self._stack.addWidget(self.state)
        self._stack.addWidget(shown)

    def _connect(self) -> None:
        self._channel.page_found.connect(self._on_found)
        self._channel.answered.connect(self._on_answered)
        self.state.acted.connect(self._ask_again)
        self.header.back.connect(self.back)
        self.header.page_requested.connect(self._open_in_browser)
        self.header.license_requested.connect(self._open_license)
        self.header.revision_chosen.connect(
            lambda revision: self.open(self._asked.repository, revision)
        )
        self.access.page_requested.connect(self._open_in_browser)
        self.access.sign_in_requested.connect(self.sign_in_requested)
        self.access.retry_requested.connect(self._ask_again)
        self.family.base_requested.connect(lambda name: self.opened.emit(name, None))
        self.family.quantized_requested.connect(
            lambda: self.quantized_requested.emit(self._asked.repository)
        )
        self.card.link_clicked.connect(self._ask_to_open)
        self.get_row.wanted.connect(self._get)
        self.get_row.chat_requested.connect(self.chat_requested)
        self.levels.changed.connect(self._on_choice_changed)
        self.levels.table.row_wanted.connect(self._reveal_level)
        self.gguf.changed.connect(self._on_choice_changed)
        self._workbench.getting.changed.connect(self._on_task_changed)

    def _ask_again(self) -> None:
        self.open(self._asked.repository, self._asked.revision)

    def _on_found(self, page: HubPageFound) -> None:
        self._page = page
        self.header.show_page(page, self._asked.revision)
        self.access.show_state(page.gated)
        self.family.show_family(page.base_models, page.quantized_by_others)
        self.files.show_files(page.files)
        card = readable_card(page.card)
        self.card.set_text(card)
        self._card_frame.setVisible(bool(card))
        self._show_models(page)
        self._scroll.verticalScrollBar().setValue(0)

    def _on_answered(self, answer: HubAnswered) -> None:
        self.state.stop()
        if answer.problem is not None or self._page is None:
            problem = describe_error(answer.problem, answer.details) if answer.problem else ""
            self.state.fail(problem, answer.problem)
            if answer.problem is ErrorCode.REPOSITORY_NOT_FOUND:
                self.header.show_missing()
            return
        self.note.set_text(tr("From the cache: the Hub can't be reached."))
        self.note.setVisible(answer.cached)
        self._stack.setCurrentIndex(1)

    def _show_models(self, page: HubPageFound) -> None:
        """Show the levels or files to choose from, unless there is nothing to chat with."""
        is_usable = page.obstacle is None and page.gated != "no_access"
        has_gguf = "gguf" in page.formats
        self.gguf.setVisible(is_usable and has_gguf)
        self.levels.setVisible(is_usable and not has_gguf)
        self.get_row.setVisible(page.obstacle is not None or is_usable)
        self.get_row.show_task(self._workbench.getting.task_of(page.repository))
        if is_usable and has_gguf:
            self.gguf.show_repository(page.repository, self._asked.revision)
        elif is_usable:
            self.levels.set_defaults(load_options_of(self._workbench.settings.value))
            self.levels.show_repository(page.repository, self._asked.revision)
        self._show_offer()

    def _on_choice_changed(self) -> None:
        """Offer to get the choice, unless that has been done."""
        page = self._page
        if page is None:
            return
        before, self._choice = self._choice, self._chosen(page)
        task = self._workbench.getting.task_of(page.repository)
        if before and before != self._choice and task is not None and task.is_over:
            self.get_row.show_task(None)
        self._show_offer()

    def _chosen(self, page: HubPageFound) -> list[str]:
        if "gguf" in page.formats:
            return [request.pattern or "" for request in self.gguf.requests]
        return self.levels.levels

    def _reveal_level(self, row: int) -> None:
        table = self.levels.table
        if row >= 0 and table.hasFocus():
            self._scroll.reveal_part(table, lambda: table.place_of_row(row))

    def _show_offer(self) -> None:
        page = self._page
        if page is None:
            return
        if page.obstacle is not None:
            self.get_row.refuse(describe_error(page.obstacle, page.details))
            return
        if "gguf" in page.formats:
            words, is_ready = self.gguf.summary, bool(self.gguf.requests)
        else:
            usual = tr("Converts it while it downloads, to the level that suits this machine.")
            words, is_ready = self.levels.summary or usual, True
        self.get_row.offer(page.repository, words)
        self.get_row.set_ready(is_ready=is_ready)

    def _get(self) -> None:
        page = self._page
        if page is None:
            return
        getting = self._workbench.getting
        if "gguf" in page.formats:
            getting.download(self.gguf.requests)
        else:
            getting.make(page.repository, self.levels.levels, self._asked.revision)

    def _on_task_changed(self, repository: str) -> None:
        if self._page is not None and repository.casefold() == self._page.repository.casefold():
            self.get_row.show_task(self._workbench.getting.task_of(repository))

    def _open_in_browser(self) -> None:
        QDesktopServices.openUrl(QUrl(f"{hub_endpoint()}/{self._asked.repository}"))

    def _open_license(self) -> None:
        address = external_link(QUrl(self._page.license_link)) if self._page else None
        if address is None:
            self._open_in_browser()
        else:
            self._ask_to_open(address)

    def _ask_to_open(self, address: QUrl) -> None:
        ask_to_open(address, self._workbench.theme, self)
