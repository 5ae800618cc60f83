"""Choose the replies that a step continues, and how much of each prompt it reads."""

from __future__ import annotations

from collections.abc import Sequence

from app.inference.session.slot import RunningReply, Slot
from app.inference.tokens.decoding import BatchPart

_SHARED_STEP_TOKENS = 512
"""Prompt tokens per step while other replies are being generated, so that these don't stall."""
_STEPS_FOR_HEAVY = 3
"""Heavy replies continue every third step: two tokens at once take at least twice as long."""


class BatchScheduler:
    """Chooses the tokens that each step evaluates, at most `batch_tokens`."""

    def __init__(self, slots: Sequence[Slot], batch_tokens: int) -> None:
        self._slots = slots
        self._batch_tokens = batch_tokens
        self._shared_steps = 0

    def next_parts(self) -> list[BatchPart]:
        """Return the tokens to evaluate together; empty while no reply can continue."""
        parts, reading = [], []
        for slot, reply in self._next_slots():
            if reply.has_read_prompt and len(slot.unread) == 1:
                parts.append(BatchPart(slot.sequence, slot.read, slot.unread, True))
            else:
                reading.append(slot)
        if not reading:
            return parts
        room = self._batch_tokens - sum(len(part.tokens) for part in parts)
        if parts:
            room = min(room, _SHARED_STEP_TOKENS)
        for slot in reading:
            tokens = slot.next_unread[:room]
            if tokens:
                is_last = slot.read + len(tokens) == len(slot.tokens)
                parts.append(BatchPart(slot.sequence, slot.read, tokens, is_last))
                room -= len(tokens)
        return parts

    def _next_slots(self) -> list[tuple[Slot, RunningReply]]:
        """Return the slots that can continue now.

        Alongside light ones, a heavy one continues only every third step.
        """
        ready = [
            (slot, slot.reply)
            for slot in self._slots
            if slot.reply is not None and slot.choice is None
        ]
        light = [(slot, reply) for slot, reply in ready if not reply.generation.is_heavy]
        heavy = [(slot, reply) for slot, reply in ready if reply.generation.is_heavy]
        if not light or not heavy:
            return ready
        self._shared_steps += 1
        turn, others = divmod(self._shared_steps, _STEPS_FOR_HEAVY)
        return light if others else [*light, heavy[turn % len(heavy)]]
