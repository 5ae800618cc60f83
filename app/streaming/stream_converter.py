"""Convert tensors in the order in which their weights arrive, and note the safe progress."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait

from app.conversion.converter.weight_provider import providing_weights
from app.conversion.writer import (
    MAX_READ_AHEAD_BYTES,
    ModelFile,
    QuantizationOptions,
    ReadWeights,
    read_weights,
)
from app.library.stream_journal import (
    FilePosition,
    Journal,
    JournalEntry,
    TensorKey,
)
from app.streaming.arrivals import Arrivals
from app.streaming.stream_plan import StreamPlan
from app.streaming.unfinished_files import sync
from app.streaming.weight_fetcher import WeightFetcher, digest_key, digest_of

_CHECKPOINT_SECONDS = 0.25
_Taken = tuple[TensorKey, ReadWeights | None] | None


class StreamConverter:
    """Writes the tensors of `models` as they become complete."""

    def __init__(
        self,
        plan: StreamPlan,
        models: Sequence[Sequence[ModelFile]],
        arrivals: Arrivals,
        fetcher: WeightFetcher,
        journal: Journal,
    ) -> None:
        """Write to `models`: for each layout of the plan, the files of its levels."""
        self._plan = plan
        self._models = models
        self._arrivals = arrivals
        self._fetcher = fetcher
        self._journal = journal
        self._written: list[TensorKey] = []
        self._noted = time.monotonic()

    def run(self, options: QuantizationOptions, report: Callable[[int, str], None]) -> None:
        """Write every tensor; `report` is told the bytes written of each, by name.

        Raises:
            FileDamagedError: a weight file had a wrong checksum.
            AppError: what the download raises; `weights_not_finite`, `weights_too_large`,
                `weights_are_holes` for a tensor that reads more than it seemed to.
        """
        with (
            providing_weights(self._arrivals.content_of),
            ThreadPoolExecutor(options.threads) as pool,
            ThreadPoolExecutor(1) as reader,
        ):
            try:
                coming = reader.submit(self._take)
                while (taken := self._awaited(coming)) is not None:
                    key, source = taken
                    source = source or read_weights(self._plan.tensors[key])
                    coming = reader.submit(self._take)
                    self._write(key, source, pool, options, report)
            except BaseException:
                # The reader may be waiting for weights that will not come.
                self._arrivals.close()
                raise

    def _awaited(self, coming: Future[_Taken]) -> _Taken:
        """Wait for the next tensor; meanwhile, note what is written."""
        while not wait([coming], _CHECKPOINT_SECONDS).done:
            if self._written:
                self.note()
        return coming.result()

    def _take(self) -> _Taken:
        """Wait for a tensor, and read it unless it is large: that waits for its forerunner."""
        key = self._arrivals.next_tensor()
        if key is None:
            return None
        tensor = self._plan.tensors[key]
        is_small = tensor.size_bytes <= MAX_READ_AHEAD_BYTES
        return key, read_weights(tensor) if is_small else None

    def _write(
        self,
        key: TensorKey,
        source: ReadWeights,
        pool: Executor,
        options: QuantizationOptions,
        report: Callable[[int, str], None],
    ) -> None:
        number, name = key
        for model in self._models[number]:
            for size_bytes in model.write(name, source, pool, options):
                report(size_bytes, name)
        self._written.append(key)
        self._arrivals.finish(key)
        if time.monotonic() - self._noted >= _CHECKPOINT_SECONDS:
            self.note()

    def note(self) -> None:
        """Write everything to the disk, and note it in the journal."""
        positions = self._positions()
        # In this order: the journal must never be ahead of the files.
        sync(model for models in self._models for model in models)
        digests = {
            digest_key(weights): digest_of(content.data)
            for name in positions
            for weights, _ in self._fetcher.passed.get(name, ())
            if digest_key(weights) not in self._journal.digests
            and self._arrivals.state_of(weights) == "held"
            and (content := self._arrivals.content_of(weights)) is not None
        }
        self._journal.add(JournalEntry(positions, tuple(self._written), digests))
        self._fetcher.release(positions)
        self._written = []
        self._noted = time.monotonic()

    def _positions(self) -> dict[str, FilePosition]:
        """Return how far each file is done: no tensor before waits for its turn."""
        positions = {}
        for name, passed in list(self._fetcher.passed.items()):
            position = None
            for weights, state in list(passed):
                if self._arrivals.state_of(weights) == "waiting":
                    break
                position = FilePosition(weights.offset + weights.size_bytes, state)
            else:
                if name in self._fetcher.verified:
                    position = FilePosition(self._fetcher.size_of(name), is_verified=True)
            if position is not None:
                positions[name] = position
        return positions
