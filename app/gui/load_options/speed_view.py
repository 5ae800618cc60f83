"""Show the speed that a model is predicted to have."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from app.core.language import tr
from app.core.sizes import format_pace
from app.estimation.speed import PredictedSpeed
from app.gui.widgets.card import Card
from app.gui.widgets.plain_label import PlainLabel


class SpeedView(Card):
    """A line for replies and one for prompts, or why they are unknown."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("Speed"), parent=parent)
        self.sentence = PlainLabel("", wrap=True, selectable=True)
        self.caveat = PlainLabel("", "caption", wrap=True)
        self.add(self.sentence)
        self.add(self.caveat)
        self.hide()

    def show_speed(self, speed: PredictedSpeed | None, problem: str, *, is_final: bool) -> None:
        """Show a speed, or why it is unknown; until `is_final`, it may just not be there yet."""
        caveat = ""
        if speed is not None:
            words = tr(
                "Replies: about {reply} tokens/s\nPrompts: about {prompt} tokens/s",
                reply=format_pace(speed.generation_tokens_per_second),
                prompt=format_pace(speed.prompt_tokens_per_second),
            )
            if speed.is_disturbed:
                caveat = tr(
                    "A rough figure: other programs were busy. It is measured again once they are "
                    "idle."
                )
        else:
            words = problem if is_final else tr("Measuring the speed of this machine…")
        if self.sentence.whole_text != words:
            self.sentence.set_text(words)
        self.caveat.set_text(caveat)
        self.caveat.setVisible(bool(caveat))
        self.setVisible(bool(words))
