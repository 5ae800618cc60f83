"""Search the Hub as you type."""

from __future__ import annotations

from msgspec.structs import replace
from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedLayout, QVBoxLayout, QWidget

from app.core.errors import AppError
from app.core.hub_events import HubAnswered, HubModelFound, HubSearch
from app.core.language import tr
from app.core.sentences import describe_error
from app.gui.pages.hub.answer_state import AnswerState
from app.gui.pages.hub.filter_bar import FilterBar
from app.gui.pages.hub.results_table import ResultsTable
from app.gui.services.hub_browser import HubBrowser
from app.gui.theme.theme import Theme
from app.gui.theme.tokens import SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.clearable_field import ClearableField
from app.gui.widgets.eliding_button import ElidingButton
from app.gui.widgets.empty_state import EmptyState
from app.gui.widgets.plain_label import PlainLabel
from app.hub.reference import RepositoryReference, parse_reference

PAUSE_MILLISECONDS = 300
"""Time without a new letter after which the search begins."""
_STEP = HubSearch().limit
_PASTED = 4
"""Letters that come at once only when text is pasted."""


class SearchView(QWidget):
    """A field, filters, and the models found; trending ones at first.

    Signals:
        opened: the name of a repository and the revision, or None, to show its page.
    """

    opened = Signal(str, object)

    def __init__(self, theme: Theme, browser: HubBrowser, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._channel = browser.open_channel("search")
        self._asked: HubSearch | None = None
        self._found: list[HubModelFound] = []
        self._typed = ""
        self._base = ""
        hint = tr("Search for a model, or paste the address of its page")
        self.field = self.safe_control = ClearableField(tr("Search the Hub"), hint)
        self.filters = FilterBar()
        self.table = ResultsTable()
        self.state = AnswerState(theme, tr("Searching…"))
        self.nothing = EmptyState(
            theme, "search", tr("No model found"), "", tr("Reset the filters")
        )
        self.summary = PlainLabel("", "caption", elide=True)
        self.base_button = ElidingButton(theme, tr("Quantized from"), "quiet", icon_name="close")
        self.more_button = Button(theme, tr("More results"), "link", compact=True)
        self._pause = QTimer(self, singleShot=True, interval=PAUSE_MILLISECONDS)
        self._build_layout()
        self._connect()

    def search(self, search: HubSearch) -> None:
        """Search with these words and filters."""
        self._typed = f"{search.author}/{search.text}" if search.author else search.text
        self.field.setText(self._typed)
        self._show_base(search.quantized_from)
        self.filters.show_search(search)
        self._ask(search)

    def focus_results(self) -> None:
        """Give the focus to the results, or to the field if there are none."""
        place = self.table if self.table.isVisible() else self.field
        place.setFocus(Qt.FocusReason.OtherFocusReason)

    def showEvent(self, event: QShowEvent) -> None:
        """Search when the page is first shown, or again if text was typed meanwhile."""
        super().showEvent(event)
        if self._asked is None or self._wanted() != replace(self._asked, limit=_STEP):
            self._pause.start()

    def _build_layout(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(SPACING.small)
        top.addWidget(self.field, 1)
        top.addWidget(self.filters.order)
        line = QHBoxLayout()
        line.setSpacing(SPACING.medium)
        line.addWidget(self.filters.fits)
        line.addWidget(self.base_button)
        line.addWidget(self.summary, 1)
        line.addWidget(self.more_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING.small)
        column.addLayout(top)
        column.addWidget(self.filters)
        column.addLayout(line)
        self._stack = QStackedLayout()
        column.addLayout(self._stack, 1)
        for widget in (self.state, self.nothing, self.table):
            self._stack.addWidget(widget)

    def _connect(self) -> None:
        self.field.textChanged.connect(self._on_typed)
        self.field.returnPressed.connect(self._on_return)
        self.filters.changed.connect(self._search_now)
        self.table.opened.connect(lambda one: self.opened.emit(one.repository, None))
        self.more_button.clicked.connect(self._ask_for_more)
        self.nothing.acted.connect(self._open_or_reset)
        self.state.acted.connect(self._search_now)
        self._pause.timeout.connect(self._search_if_shown)
        self._channel.model_found.connect(self._on_found)
        self._channel.answered.connect(self._on_answered)
        self.base_button.clicked.connect(self._forget_base)
        self.more_button.hide()
        self._show_base("")

    def _on_typed(self, text: str) -> None:
        is_pasted = len(text) - len(self._typed) >= _PASTED
        self._typed = text
        reference = _reference_in(text) if is_pasted else None
        if reference is not None:
            self._open(reference)
        else:
            self._pause.start()

    def _on_return(self) -> None:
        reference = _reference_in(self.field.text())
        if reference is not None:
            self._open(reference)
        else:
            self._search_now()

    def _open(self, reference: RepositoryReference) -> None:
        self._pause.stop()
        self.opened.emit(reference.repository, reference.revision)

    def _search_if_shown(self) -> None:
        if self.isVisible():
            self._search_now()

    def _search_now(self) -> None:
        self._ask(self._wanted())

    def _wanted(self) -> HubSearch:
        typed = replace(_search_for(self.field.text()), quantized_from=self._base)
        return self.filters.applied_to(typed)

    def _show_base(self, base: str) -> None:
        """Show the model that all others are made from; the button leads back to all models."""
        self._base = base
        self.base_button.set_text(tr("Quantized from {name}", name=base))
        self.base_button.setAccessibleDescription(tr("Also show other models"))
        self.base_button.setVisible(bool(base))

    def _forget_base(self) -> None:
        self._show_base("")
        self.field.setFocus()
        self._search_now()

    def _open_or_reset(self) -> None:
        reference = _reference_in(self.field.text())
        if reference is not None:
            self._open(reference)
        else:
            self._reset()

    def _reset(self) -> None:
        self.field.setFocus(Qt.FocusReason.OtherFocusReason)
        self.filters.show_search(HubSearch())
        self._show_base("")
        self._search_now()

    def _ask_for_more(self) -> None:
        if self._asked is not None:
            self._ask(replace(self._asked, limit=self._asked.limit + _STEP))

    def _ask(self, search: HubSearch) -> None:
        self._pause.stop()
        is_same = self._asked is not None and replace(self._asked, limit=search.limit) == search
        self._asked, self._found = search, []
        self.more_button.setEnabled(False)
        if not (is_same and self._stack.currentWidget() is self.table):
            self.state.wait()
            self._show(self.state)
        self.summary.set_text(tr("Searching…") if self.table.isVisible() else "")
        self._channel.ask(search)

    def _show(self, widget: QWidget) -> None:
        self._stack.setCurrentWidget(widget)
        self.more_button.setVisible(widget is self.table)

    def _on_found(self, one: HubModelFound) -> None:
        # Without the number, the results of a repeated search are the same.
        self._found.append(replace(one, number=0))

    def _on_answered(self, answer: HubAnswered) -> None:
        self.state.stop()
        cached = tr("From the cache: the Hub can't be reached.") if answer.cached else ""
        self.summary.set_text(cached if answer.problem is None else "")
        if answer.problem is not None:
            self.state.fail(describe_error(answer.problem, answer.details), answer.problem)
            self._show(self.state)
        elif self._found:
            self._show_found(cached)
        else:
            self._show_nothing()

    def _show_found(self, cached: str) -> None:
        self.table.show_models(self._found)
        words = tr("{count} found", count=f"{len(self._found):,}")
        self.summary.set_text(" · ".join(part for part in (words, cached) if part))
        self._show(self.table)
        limit = self._asked.limit if self._asked else 0
        self.more_button.setEnabled(True)
        self.more_button.setVisible(len(self._found) >= limit)

    def _show_nothing(self) -> None:
        self._show(self.nothing)
        reference = _reference_in(self.field.text())
        if reference is not None:
            words = tr("Press Enter to open {repository}.", repository=reference.repository)
            action = tr("Open {repository}", repository=reference.repository)
        elif self.filters.is_restricting or self._base:
            words, action = tr("Use other words or fewer filters."), tr("Reset the filters")
        else:
            words, action = tr("Use other words."), None
        self.nothing.show_state("search", tr("No model found"), words, action)


def _search_for(text: str) -> HubSearch:
    """Return the search for a typed text: `owner/name`, the address of a page, or words."""
    reference = _reference_in(text)
    if reference is not None:
        owner, _, name = reference.repository.partition("/")
        return HubSearch(author=owner, text=name)
    owner, slash, name = text.strip().partition("/")
    if slash and owner and " " not in owner:
        return HubSearch(author=owner, text=name.strip())
    return HubSearch(text=text.strip())


def _reference_in(text: str) -> RepositoryReference | None:
    try:
        return parse_reference(text)
    except AppError:
        return None
