"""Card for the engine: the result of its test, and a reload to apply changed settings."""

from __future__ import annotations

from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.core import events, paths
from app.core.language import tr
from app.core.sentences import describe_error, describe_notice
from app.gui.children.child import Child
from app.gui.services.engine import EngineReady
from app.gui.services.workbench import Workbench
from app.gui.theme.tokens import SPACING
from app.gui.widgets.button import Button
from app.gui.widgets.card import Card
from app.gui.widgets.notice_list import NoticeList
from app.gui.widgets.plain_label import PlainLabel
from app.gui.widgets.plain_text import plain_tool_tip


class EngineCard(Card):
    """Tests the engine, and reloads the model to apply changed settings."""

    def __init__(self, workbench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self._workbench = workbench
        self._child: Child | None = None
        theme = workbench.theme
        self.setAccessibleName(tr("Engine"))
        self.setting = PlainLabel("", wrap=True, selectable=True)
        self._details = PlainLabel("", "caption", wrap=True, selectable=True)
        self.warnings = NoticeList(theme)
        self.test_button = Button(theme, tr("Test again"))
        self.full_button = Button(theme, tr("Turn all on"))
        hint = tr("Turns on all optimizations despite the test; a crash would only end a reply")
        self.full_button.setToolTip(plain_tool_tip(hint))
        self.full_button.hide()
        self.reload_button = Button(theme, tr("Reload the model"), icon_name="refresh")
        self.reload_button.hide()
        row = QWidget()
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(SPACING.small)
        line.addStretch(1)
        for button in (self.reload_button, self.full_button, self.test_button):
            line.addWidget(button)
        self.add(PlainLabel(tr("Engine"), "heading"))
        for widget in (self.setting, self._details, self.warnings, row):
            self.add(widget)
        self._say(tr("Not tested yet."))
        self.test_button.clicked.connect(lambda: self._look("--again"))
        self.full_button.clicked.connect(lambda: self._look("--full"))
        self.reload_button.clicked.connect(self._reload)
        workbench.settings.changed.connect(self._offer_reload)
        workbench.engine.changed.connect(self._offer_reload)

    def showEvent(self, event: QShowEvent) -> None:
        """Show what the test at the first start found."""
        super().showEvent(event)
        if not self._details.text() and paths.engine_file().exists():
            self._look()

    def _look(self, *arguments: str) -> None:
        if self._child is not None:
            return
        self._say(tr("Testing the engine…") if arguments else tr("Checking…"))
        self.warnings.show_sentences(())
        self.test_button.setEnabled(False)
        self.full_button.setEnabled(False)
        self._child = Child("self-test", "--engine", *arguments, parent=self)
        self._child.received.connect(self._take)
        self._child.ended.connect(self._on_ended)
        self._child.start()

    def _take(self, event: events.Event) -> None:
        match event:
            case events.Finished(lines, details):
                self._show_setting(str(details.get("without", "")), str(details.get("reason", "")))
                # Columns are for the terminal; this font is proportional.
                self._details.set_text("\n".join(": ".join(line.split(None, 1)) for line in lines))
            case events.NoticeReported(code, details):
                sentences = (*self.warnings.sentences, describe_notice(code, details))
                self.warnings.show_sentences(sentences)
            case events.Failed(code, details):
                self._say(describe_error(code, details))
                self.setting.set_tone("danger")

    def _show_setting(self, without: str, reason: str) -> None:
        self.full_button.setVisible(bool(without))
        if not without:
            self._say(tr("The engine works; all optimizations are on."))
            return
        self._say(
            tr(
                "The engine works, but without {what}: with everything on, {why} in its test.",
                what=without,
                why=reason,
            )
        )
        self.setting.set_tone("warning")

    def _say(self, words: str) -> None:
        self.setting.set_tone("plain")
        self.setting.set_text(words)

    def _on_ended(self) -> None:
        if self._child is not None:
            self._child.deleteLater()
        self._child = None
        self.test_button.setEnabled(True)
        self.full_button.setEnabled(True)

    def _offer_reload(self) -> None:
        engine = self._workbench.engine
        self.reload_button.setVisible(isinstance(engine.state, EngineReady) and engine.is_outdated)

    def _reload(self) -> None:
        state = self._workbench.engine.state
        if isinstance(state, EngineReady):
            self._workbench.engine.load(state.path, state.name)
