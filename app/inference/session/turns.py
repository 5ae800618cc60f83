"""Whose turn it is: which replies a step brings on, and how much of a prompt it reads."""

from __future__ import annotations

from collections.abc import Sequence

from app.inference.session.slot import RunningReply, Slot
from app.inference.tokens.decoding import BatchPart

_SHARED_STEP_TOKENS = 512
"""While others write, a prompt is read so many tokens at a time, so that they don't stand still."""
_STEPS_FOR_HEAVY = 3
"""Two tokens at once take twice as long as one, or longer."""


class Turns:
    """Chooses what each step evaluates, of at most `batch_tokens` tokens."""

    def __init__(self, slots: Sequence[Slot], batch_tokens: int) -> None:
        self._slots = slots
        self._batch_tokens = batch_tokens
        self._shared_steps = 0

    def next_parts(self) -> list[BatchPart]:
        """The tokens to evaluate together; none while nothing can go on."""
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
        """Those that can go on now. Beside light ones, every third step takes one heavy one on."""
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
