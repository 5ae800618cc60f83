"""Assign slots to prompts; evict and restore the state of sequences."""

from __future__ import annotations

from collections.abc import Sequence

from app.inference.loading.loaded_model import LoadedModel
from app.inference.session.context_checkpoints import Checkpoints
from app.inference.session.generation import Statistics
from app.inference.session.prompt_cache import (
    DEFAULT_COST,
    MIN_TOKENS,
    PromptCache,
    state_budget_bytes,
)
from app.inference.session.slot import Slot
from app.inference.tokens.decoding import Decoder

_WORTH_COPYING = 2
_COST_IN_PASSING = 1 / 100
"""The maximum cost of saving a never-continued conversation while a request waits: few are ever
continued, and allocating new memory is slow on some machines."""
_ENDING_TOKENS = 4
"""The last tokens of a prompt that may differ in the next turn's history, such as the tag that
opens reasoning: llama-server's checkpoints also come before them."""


class SlotAllocation:
    """The slots of one context, with their saved states and checkpoints."""

    def __init__(self, slots: Sequence[Slot], decoder: Decoder, loaded: LoadedModel) -> None:
        self._slots = slots
        self._decoder = decoder
        self._states = PromptCache(loaded, state_budget_bytes())
        self._checkpoints = Checkpoints(loaded, state_budget_bytes())
        self._context_tokens = loaded.context_tokens

    def slot_for(self, prompt: Sequence[int]) -> Slot:
        """Return the free slot that has read the most of the prompt; its `read` says how much.

        If that slot holds much more (another branch of the conversation), the common part is
        shared with another slot, so that both branches are kept.
        """
        slot = self._choose(prompt)
        slot.tokens = list(prompt)
        slot.checkpoint_at = 0
        if self._decoder.has_limited_memory:
            if slot.read >= MIN_TOKENS:
                self.save_checkpoint(slot)
            checkpoint_at = len(prompt) - _ENDING_TOKENS
            if checkpoint_at - slot.read >= MIN_TOKENS:
                slot.checkpoint_at = checkpoint_at
        return slot

    def cut(self, slot: Slot, position: int) -> None:
        """Remove the tokens of a slot from `position` onward, or more if it can't be cut there."""
        if not self._decoder.cut(slot.sequence, position):
            position = self._checkpoints.restore(slot.sequence, position)
            if not position or not self._decoder.cut(slot.sequence, position):
                self._decoder.forget(slot.sequence)
                position = 0
        self._checkpoints.drop(slot.sequence, position)
        slot.read = position

    def save_checkpoint(self, slot: Slot) -> None:
        """Save a checkpoint of what a slot has read now, if that is worthwhile."""
        if self._states.is_worthwhile(slot.read, self._checkpoints.size_bytes(slot.sequence)):
            self._checkpoints.save(slot.sequence, slot.read)

    def note_shift(self, slot: Slot) -> None:
        """Note that tokens were removed from the middle of a slot."""
        self._checkpoints.drop(slot.sequence)
        slot.is_whole, slot.checkpoint_at = False, 0

    def _choose(self, prompt: Sequence[int]) -> Slot:
        self._restore(prompt)
        free = self._free()
        best = max(free, key=lambda slot: slot.common_with(prompt))
        common = best.common_with(prompt)
        oldest = _oldest(free)
        is_another = best.read > _WORTH_COPYING * common and not self._can_restore(best, common)
        if is_another and oldest is not best:
            self.release(oldest)
            if self._decoder.has_limited_memory:
                # Its cells can't be shared: no window moves past cells that two sequences use.
                common = 0
            else:
                self._decoder.copy(best.sequence, oldest.sequence, common)
            best = oldest
        else:
            self._save(best, common)
        best.was_continued = 2 * common > best.read
        self.cut(best, common)
        best.is_whole = best.is_whole or best.read == 0
        if len(free) == len(self._slots):
            self._make_space_for(best)
        return best

    def _can_restore(self, slot: Slot, position: int) -> bool:
        """Return whether a checkpoint covers most of the tokens before `position`, and no more."""
        positions = self._checkpoints.positions(slot.sequence)
        return any(saved <= position < _WORTH_COPYING * saved for saved in positions)

    def note_reading(self, figures: Statistics) -> None:
        """Learn from a reply's statistics how fast the model reads."""
        tokens = figures.prompt_tokens - figures.reused_tokens
        self._states.note_reading(tokens, figures.prompt_seconds)

    def release_oldest(self) -> bool:
        """Release the slot that has been idle longest; return whether there is one."""
        idle = [slot for slot in self._free() if slot.read]
        if idle:
            self.release(_oldest(idle))
        return bool(idle)

    def tidy(self) -> None:
        """Save the states of idle slots while no request waits; evict all but the last used.

        Every evaluation looks at all cells of the context up to the last used one.
        """
        idle = sorted((slot for slot in self._free() if slot.read), key=lambda it: it.last_used)
        for slot in idle:
            if self._save(slot, 0, DEFAULT_COST) and slot is not idle[-1]:
                self.evict(slot)

    def _make_space_for(self, slot: Slot) -> None:
        """Evict the other slots, all of them idle, if they are saved or slow this one down."""
        for other in self._slots:
            if other is not slot and other.read:
                is_in_the_way = other.read >= MIN_TOKENS and not other.was_continued
                if self._save(other, 0) or is_in_the_way:
                    self.evict(other)

    def release(self, slot: Slot) -> None:
        """Save a slot's state, if it is worthwhile, and free its memory."""
        self._save(slot, 0)
        self.evict(slot)

    def evict(self, slot: Slot) -> None:
        """Remove everything that a slot has read."""
        slot.read, slot.is_whole = 0, True
        slot.free()
        self._decoder.forget(slot.sequence)
        self._checkpoints.drop(slot.sequence)

    def forget_everything(self) -> None:
        """Make the next replies read their prompts from the first token on."""
        self._states.clear()
        for slot in self._free():
            self.evict(slot)

    def _restore(self, prompt: Sequence[int]) -> None:
        """Restore a saved state into a slot, if it covers more of the prompt than any free slot."""
        free = self._free()
        state = self._states.best_for(prompt, max(slot.common_with(prompt) for slot in free))
        busy = sum(len(slot.tokens) for slot in self._slots if slot.reply is not None)
        if state is None or busy + len(state.tokens) > self._context_tokens:
            return
        slot = _oldest(free)
        self.release(slot)
        while sum(len(slot.tokens) for slot in self._slots) > (
            self._context_tokens - len(state.tokens)
        ):
            self.release_oldest()
        if self._states.restore(state, slot.sequence):
            slot.tokens, slot.read = state.tokens.tolist(), len(state.tokens)
        else:
            self.evict(slot)

    def _save(self, slot: Slot, common: int, max_cost: float | None = None) -> bool:
        """Save a slot's state before it goes; the first `common` tokens stay anyway."""
        read = slot.tokens[: slot.read]
        if max_cost is None:
            max_cost = DEFAULT_COST if slot.was_continued else _COST_IN_PASSING
        return slot.is_whole and self._states.save(slot.sequence, read, common, max_cost)

    def _free(self) -> list[Slot]:
        return [slot for slot in self._slots if slot.reply is None]


def _oldest(slots: Sequence[Slot]) -> Slot:
    """Return an empty slot, or the one least recently used."""
    return min(slots, key=lambda slot: (slot.read > 0, slot.last_used))
