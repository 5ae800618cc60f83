"""A loaded model that generates several replies in parallel and reuses what it has read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from typing import Self

from app.core.errors import AppError, Canceled, ErrorCode
from app.core.language import tr
from app.inference.loading.loaded_model import LoadRequest, Report, free, load_model
from app.inference.sampling.sampler import Sampler
from app.inference.session.batch_scheduler import BatchScheduler
from app.inference.session.embedder import Embedder
from app.inference.session.generation import Generation, Piece
from app.inference.session.slot import PendingToken, RunningReply, Slot
from app.inference.session.slot_allocation import SlotAllocation
from app.inference.session.thread_count import ThreadCount
from app.inference.tokens.decoding import BatchPart, Decoder, Floats, Interrupted, NoRoomError
from app.inference.tokens.vocabulary import Vocabulary
from app.machine.cores import lower_thread_priority

_KEPT_AT_SHIFT = 4
_POLL_SECONDS = 0.01
"""Polling interval for new requests while only slow grammars are being evaluated."""


class Session:
    """One model, one context, and as many sequences as there are slots.

    All calls except `prepare` and `interrupt` come from one thread. `loaded` describes the load.
    """

    def __init__(self, load_request: LoadRequest, report: Report) -> None:
        self.loaded = load_model(load_request, report)
        self.vocabulary = Vocabulary(self.loaded.model)
        name = load_request.model.path.name
        self._decoder = Decoder(self.loaded, name, self.vocabulary.size)
        self._slots = [Slot(sequence) for sequence in range(load_request.slots)]
        self._embedder = Embedder(self.loaded, load_request, self._decoder, self.vocabulary.size)
        self._sampling_thread = ThreadPoolExecutor(1, "choices", lower_thread_priority)
        self._memory = SlotAllocation(self._slots, self._decoder, self.loaded)
        options = load_request.options
        # A number that the user chose is fixed.
        self._threads = None if options.threads else ThreadCount(self.loaded, options.threads_batch)
        self._turns = BatchScheduler(self._slots, self._decoder.batch_tokens)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for slot in self._slots:
            slot.free()
        self._embedder.close()
        self._sampling_thread.shutdown()
        free(self.loaded)

    @property
    def context_tokens(self) -> int:
        """The size of the context in tokens; all slots share it."""
        return self.loaded.context_tokens

    @property
    def active_replies(self) -> int:
        """The number of replies being generated."""
        return sum(slot.reply is not None for slot in self._slots)

    @property
    def is_busy(self) -> bool:
        """True if there is a reply to continue."""
        return any(slot.reply is not None for slot in self._slots)

    @property
    def has_room(self) -> bool:
        """True if one more reply can begin."""
        return any(slot.reply is None for slot in self._slots)

    @property
    def has_room_for_slow_reply(self) -> bool:
        """True if a further slow reply leaves a slot for quick ones, or takes the only one."""
        free = sum(slot.reply is None for slot in self._slots)
        return free >= min(2, len(self._slots))

    def interrupt(self) -> None:
        """Stop the running step immediately because a reply was canceled; for other threads."""
        self._decoder.interrupt.set()

    def prepare(self, generation: Generation) -> None:
        """Check the prompt and make the sampler; on any thread, before `begin`.

        Raises:
            AppError: `request_invalid` or `context_full`.
        """
        self._require_fitting(generation.prompt)
        generation.sampler = Sampler(
            generation.sampling, self.vocabulary, generation.prompt, generation.constraint
        )

    def begin(self, generation: Generation) -> None:
        """Assign a request to a free slot; `step` does the work. Errors are delivered."""
        prompt = generation.prompt
        try:
            if generation.sampler is None:
                self.prepare(generation)
        except Exception as error:  # noqa: BLE001 - passed to the caller
            generation.end(error)
            return
        sampler, generation.sampler = generation.sampler, None
        assert sampler is not None  # noqa: S101 - made above
        slot = self._memory.slot_for(prompt)
        generation.statistics.prompt_tokens = len(prompt)
        generation.statistics.reused_tokens = slot.read
        slot.reply = RunningReply(generation, sampler, self.context_tokens - len(prompt))

    def step(self) -> None:
        """Evaluate one batch, and sample the next token of every reply in it."""
        # In this order: a cancellation from now on sets it again.
        self._decoder.interrupt.clear()
        if self._threads is not None:
            self._threads.update()
        self._drop_canceled()
        self._take_sampled()
        parts = self._turns.next_parts()
        if not parts:
            choices = [slot.choice.token for slot in self._slots if slot.choice is not None]
            wait(choices, _POLL_SECONDS, FIRST_COMPLETED)
            return
        try:
            last = self._decoder.evaluate(parts)
        except Interrupted:
            self._discard(parts)
        except NoRoomError:
            self._discard(parts)
            self._make_room()
        except AppError as error:
            self._discard(parts)
            self._end_all(error)
        else:
            for part, index in zip(parts, last, strict=True):
                self._advance(self._slots[part.sequence], part, index)

    def embed(self, tokens: Sequence[int]) -> Floats:
        """Return the embedding (width) of these tokens, normalized to length 1.

        Raises:
            AppError: what `Embedder.embed` raises.
        """
        return self._embedder.embed(tokens)

    def stream_reply(self, generation: Generation) -> Iterator[str]:
        """Generate one reply and yield its pieces; `generation.deliver` must not be used otherwise.

        Raises:
            AppError: the error that ended the reply.
            Canceled: the generation was canceled.
        """
        delivered: list[Piece | Exception | None] = []
        generation.deliver = delivered.append
        self.begin(generation)
        try:
            while not generation.is_finished:
                self.step()
                yield from _texts(delivered)
            yield from _texts(delivered)
        finally:
            generation.is_canceled = True
            self._drop_canceled()

    def tidy(self) -> None:
        """Use idle time to make the next replies faster."""
        self._memory.tidy()

    def forget_everything(self) -> None:
        """Make the next replies read their prompts from the first token on."""
        self._memory.forget_everything()

    def _require_fitting(self, prompt: Sequence[int]) -> None:
        if not self._decoder.can_generate:
            reason = tr("this model only makes embeddings")
            raise AppError(ErrorCode.REQUEST_INVALID, reason=reason)
        if not prompt:
            raise AppError(ErrorCode.REQUEST_INVALID, reason=tr("the prompt is empty"))
        if len(prompt) >= self.context_tokens:
            raise AppError(ErrorCode.CONTEXT_FULL, tokens=len(prompt), context=self.context_tokens)

    def _advance(self, slot: Slot, part: BatchPart, index: int) -> None:
        slot.read += len(part.tokens)
        if slot.read == slot.checkpoint_at:
            self._memory.save_checkpoint(slot)
        reply = slot.reply
        if reply is None or not part.wants_logits:
            return
        with self._ending(slot, reply):
            if not reply.has_read_prompt:
                self._decoder.require_finite(index)
                reply.end_prompt()
            logits = partial(self._decoder.logits, index)
            if reply.is_slow:
                kept = logits().copy()
                choose = partial(reply.choose, self.loaded.context, index, lambda: kept)
                slot.choice = PendingToken(self._sampling_thread.submit(choose), kept)
                return
            chosen = reply.choose(self.loaded.context, index, logits)
            self._accept(slot, reply, chosen, logits)

    def _take_sampled(self) -> None:
        """Continue with the tokens that were sampled on the other thread meanwhile."""
        for slot in self._slots:
            choice, reply = slot.choice, slot.reply
            if choice is not None and reply is not None and choice.token.done():
                slot.choice = None
                with self._ending(slot, reply):
                    self._accept(slot, reply, choice.token.result(), partial(_same, choice.logits))

    @contextmanager
    def _ending(self, slot: Slot, reply: RunningReply) -> Iterator[None]:
        """End only the reply of this slot if an error occurs."""
        try:
            yield
        except AppError as error:
            reply.end_with(error)
            self._memory.evict(slot)

    def _accept(
        self, slot: Slot, reply: RunningReply, chosen: int, logits: Callable[[], Floats]
    ) -> None:
        token = reply.take(chosen, logits, self.vocabulary)
        if token is None:
            self._memory.note_reading(reply.generation.statistics)
            slot.free()
            return
        slot.tokens.append(token)
        if len(slot.tokens) > self.context_tokens - 1:
            self._shift(slot)

    def _shift(self, slot: Slot) -> None:
        """Drop the older half of the tokens after the first few, to continue in a full context."""
        if slot.reply is None:
            return
        kept = min(_KEPT_AT_SHIFT, slot.read)
        end = kept + (slot.read - kept) // 2
        if self._decoder.can_shift():
            self._decoder.remove(slot.sequence, kept, end)
            self._memory.note_shift(slot)
            slot.read -= end - kept
        else:
            # What remains is read again at its new position, which halves the room that is gained.
            self._memory.cut(slot, kept)
        del slot.tokens[kept:end]
        slot.reply.generation.statistics.dropped_tokens += end - kept

    def _drop_canceled(self) -> None:
        for slot in self._slots:
            is_free = slot.choice is None or slot.choice.token.done()
            if slot.reply is not None and is_free and slot.reply.generation.is_canceled:
                slot.reply.end_with(Canceled())
                slot.free()

    def _discard(self, parts: Sequence[BatchPart]) -> None:
        """Remove what a failed batch left in memory, or more if it can't be cut there."""
        for part in parts:
            slot = self._slots[part.sequence]
            self._memory.cut(slot, slot.read)

    def _make_room(self) -> None:
        """Release an idle slot; if there is none, end the shortest reply."""
        if self._memory.release_oldest():
            return
        busy = [slot for slot in self._slots if slot.reply is not None]
        shortest = min(busy, key=lambda slot: len(slot.tokens))
        if shortest.reply is not None:
            tokens = sum(len(slot.tokens) for slot in busy)
            error = AppError(ErrorCode.CONTEXT_FULL, tokens=tokens, context=self.context_tokens)
            shortest.reply.end_with(error)
        self._memory.evict(shortest)

    def _end_all(self, error: AppError) -> None:
        for slot in self._slots:
            if slot.reply is not None:
                slot.reply.end_with(error)
            self._memory.evict(slot)


def _texts(delivered: list[Piece | Exception | None]) -> Iterator[str]:
    while delivered:
        match delivered.pop(0):
            case Piece(text):
                yield text
            case Exception() as error:
                raise error


def _same(logits: Floats) -> Floats:
    return logits
