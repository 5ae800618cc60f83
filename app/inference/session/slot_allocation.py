"""What the slots have read: who gets which slot, what goes for it, and what comes back."""

from __future__ import annotations

from collections.abc import Sequence

from app.inference.loading.loaded_model import LoadedModel
from app.inference.session.context_checkpoints import Checkpoints
from app.inference.session.generation import Statistics
from app.inference.session.prompt_cache import (
    FEWEST_TOKENS,
    USUAL_COST,
    PromptCache,
    state_budget_bytes,
)
from app.inference.session.slot import Slot
from app.inference.tokens.decoding import Decoder

_WORTH_COPYING = 2
_COST_IN_PASSING = 1 / 100
"""While somebody waits, no more for a text that nobody has gone on with yet: few ever do, and
memory that was never used before comes slowly on some machines."""
_ENDING_TOKENS = 4
"""With so many a prompt may end that the next turn's history has otherwise, such as the beginning
of a thought: llama-server's checkpoints come before them, too."""


class SlotAllocation:
    """The slots of one context, and what was saved from them."""

    def __init__(self, slots: Sequence[Slot], evaluator: Decoder, loaded: LoadedModel) -> None:
        self._slots = slots
        self._evaluator = evaluator
        self._states = PromptCache(loaded, state_budget_bytes())
        self._checkpoints = Checkpoints(loaded, state_budget_bytes())
        self._context_tokens = loaded.context_tokens

    def slot_for(self, prompt: Sequence[int]) -> Slot:
        """The free slot that has read most of the prompt; `read` says how much of it.

        Where that slot holds much more (another branch of the conversation), the common part is
        shared with another slot, so that both branches stay.
        """
        slot = self._chosen(prompt)
        slot.tokens = list(prompt)
        slot.checkpoint_at = 0
        if self._evaluator.forgets:
            if slot.read >= FEWEST_TOKENS:
                self.keep_checkpoint(slot)
            place = len(prompt) - _ENDING_TOKENS
            if place - slot.read >= FEWEST_TOKENS:
                slot.checkpoint_at = place
        return slot

    def cut(self, slot: Slot, position: int) -> None:
        """Forget what a slot has read from `position` on, and more where that can't be."""
        if not self._evaluator.cut(slot.sequence, position):
            position = self._checkpoints.put_back(slot.sequence, position)
            if not position or not self._evaluator.cut(slot.sequence, position):
                self._evaluator.forget(slot.sequence)
                position = 0
        self._checkpoints.drop(slot.sequence, position)
        slot.read = position

    def keep_checkpoint(self, slot: Slot) -> None:
        """Be able to come back to what a slot has read now, if that pays."""
        if self._states.pays(slot.read, self._checkpoints.size_bytes(slot.sequence)):
            self._checkpoints.keep(slot.sequence, slot.read)

    def note_shift(self, slot: Slot) -> None:
        """Take notice that tokens were taken out of the middle of a slot."""
        self._checkpoints.drop(slot.sequence)
        slot.is_whole, slot.checkpoint_at = False, 0

    def _chosen(self, prompt: Sequence[int]) -> Slot:
        self._bring_back(prompt)
        free = self._free()
        best = max(free, key=lambda slot: slot.common_with(prompt))
        common = best.common_with(prompt)
        oldest = _oldest(free)
        is_another = best.read > _WORTH_COPYING * common and not self._goes_back(best, common)
        if is_another and oldest is not best:
            self.give_up(oldest)
            if self._evaluator.forgets:
                # Its cells can't be shared: as long as two have them, no window moves on over them.
                common = 0
            else:
                self._evaluator.copy(best.sequence, oldest.sequence, common)
            best = oldest
        else:
            self._save(best, common)
        best.was_continued = 2 * common > best.read
        self.cut(best, common)
        best.is_whole = best.is_whole or best.read == 0
        if len(free) == len(self._slots):
            self._make_way_for(best)
        return best

    def _goes_back(self, slot: Slot, position: int) -> bool:
        """Whether a checkpoint has read most of a slot's first tokens, and nothing else."""
        places = self._checkpoints.places(slot.sequence)
        return any(place <= position < _WORTH_COPYING * place for place in places)

    def note_reading(self, figures: Statistics) -> None:
        """Learn from a reply's figures how fast the model reads."""
        tokens = figures.prompt_tokens - figures.reused_tokens
        self._states.note_reading(tokens, figures.prompt_seconds)

    def give_up_oldest(self) -> bool:
        """Give up what the slot that was idle longest has read; False when there is none."""
        idle = [slot for slot in self._free() if slot.read]
        if idle:
            self.give_up(_oldest(idle))
        return bool(idle)

    def tidy(self) -> None:
        """Save what idle slots have read while nobody waits; all but the last used make way.

        Every step looks at all cells of the context up to the last that holds something.
        """
        idle = sorted((slot for slot in self._free() if slot.read), key=lambda it: it.last_used)
        for slot in idle:
            if self._save(slot, 0, USUAL_COST) and slot is not idle[-1]:
                self.evict(slot)

    def _make_way_for(self, slot: Slot) -> None:
        """Take all that other slots have read out of the way, all of them being idle."""
        for other in self._slots:
            if other is not slot and other.read:
                is_in_the_way = other.read >= FEWEST_TOKENS and not other.was_continued
                if self._save(other, 0) or is_in_the_way:
                    self.evict(other)

    def give_up(self, slot: Slot) -> None:
        """Let a slot's memory go to others."""
        self._save(slot, 0)
        self.evict(slot)

    def evict(self, slot: Slot) -> None:
        """Forget what a slot has read."""
        slot.read, slot.is_whole = 0, True
        slot.free()
        self._evaluator.forget(slot.sequence)
        self._checkpoints.drop(slot.sequence)

    def forget_everything(self) -> None:
        """Let the next replies read their prompts from the first token on."""
        self._states.clear()
        for slot in self._free():
            self.evict(slot)

    def _bring_back(self, prompt: Sequence[int]) -> None:
        """Put a saved state into a slot, where it knows more of the prompt than all free slots."""
        free = self._free()
        state = self._states.best_for(prompt, max(slot.common_with(prompt) for slot in free))
        busy = sum(len(slot.tokens) for slot in self._slots if slot.reply is not None)
        if state is None or busy + len(state.tokens) > self._context_tokens:
            return
        slot = _oldest(free)
        self.give_up(slot)
        while sum(len(slot.tokens) for slot in self._slots) > (
            self._context_tokens - len(state.tokens)
        ):
            self.give_up_oldest()
        if self._states.put(state, slot.sequence):
            slot.tokens, slot.read = state.tokens.tolist(), len(state.tokens)
        else:
            self.evict(slot)

    def _save(self, slot: Slot, common: int, most_cost: float | None = None) -> bool:
        """Save what a slot has read before it goes, all but the `common` first tokens."""
        read = slot.tokens[: slot.read]
        if most_cost is None:
            most_cost = USUAL_COST if slot.was_continued else _COST_IN_PASSING
        return slot.is_whole and self._states.keep(slot.sequence, read, common, most_cost)

    def _free(self) -> list[Slot]:
        return [slot for slot in self._slots if slot.reply is None]


def _oldest(slots: Sequence[Slot]) -> Slot:
    """An empty one, or the one that was used before all others."""
    return min(slots, key=lambda slot: (slot.read > 0, slot.last_used))
