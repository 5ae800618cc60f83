"""What the slots have read: who gets which slot, what goes for it, and what comes back."""

from __future__ import annotations

from collections.abc import Sequence

from app.inference.evaluation import Evaluator
from app.inference.generation import Statistics
from app.inference.saved_states import FEWEST_TOKENS, USUAL_COST, SavedStates
from app.inference.slot import Slot

_WORTH_COPYING = 2
_COST_IN_PASSING = 1 / 100
"""While somebody waits, no more for a text that nobody has gone on with yet: few ever do, and
memory that was never used before comes slowly on some machines."""


class SlotMemory:
    """The slots of one context of `context_tokens`, and the states that were saved from them."""

    def __init__(
        self, slots: Sequence[Slot], evaluator: Evaluator, states: SavedStates, context_tokens: int
    ) -> None:
        self._slots = slots
        self._evaluator = evaluator
        self._states = states
        self._context_tokens = context_tokens

    def slot_for(self, prompt: Sequence[int]) -> Slot:
        """The free slot that has read most of the prompt; `read` says how much of it.

        Where that slot holds much more (another branch of the conversation), the common part is
        shared with another slot, so that both branches stay.
        """
        self._bring_back(prompt)
        free = self._free()
        best = max(free, key=lambda slot: slot.common_with(prompt))
        common = best.common_with(prompt)
        oldest = _oldest(free)
        if best.read > _WORTH_COPYING * common and oldest is not best:
            self.give_up(oldest)
            self._evaluator.copy(best.sequence, oldest.sequence, common)
            best = oldest
        else:
            self._save(best, common)
        best.was_continued = 2 * common > best.read
        best.read = common
        best.is_whole = best.is_whole or common == 0
        if len(free) == len(self._slots):
            self._make_way_for(best)
        return best

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
        self._evaluator.forget(slot.sequence, 0)

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
