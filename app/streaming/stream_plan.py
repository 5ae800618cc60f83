"""The plan of a stream: the stored tensors that each finished tensor is made of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.conversion.layout.layout import LaidOutTensor, Layout, WeightRange
from app.library.stream_journal import TensorKey


@dataclass(frozen=True)
class StreamPlan:
    """The tensors to write, by key, with what each reads; and the readers of each stored tensor."""

    tensors: Mapping[TensorKey, LaidOutTensor]
    reads: Mapping[TensorKey, frozenset[WeightRange]]
    readers: Mapping[WeightRange, frozenset[TensorKey]]

    def tensors_of(self, file: Path) -> set[TensorKey]:
        """Return the tensors that are made of anything in a weight file."""
        return {
            key for weights, keys in self.readers.items() if weights.file == file for key in keys
        }

    def held_bytes(self) -> int:
        """Return the most bytes that wait for others at once, if nothing waits for its turn."""
        missing = {key: len(reads) for key, reads in self.reads.items()}
        unfinished = {weights: len(keys) for weights, keys in self.readers.items()}
        held = most = 0
        for weights in sorted(self.readers):
            held += weights.size_bytes
            most = max(most, held)
            for key in self.readers[weights]:
                missing[key] -= 1
                if missing[key]:
                    continue
                for read in self.reads[key]:
                    unfinished[read] -= 1
                    held -= 0 if unfinished[read] else read.size_bytes
        return most


def plan_stream(layouts: Sequence[Layout]) -> StreamPlan | None:
    """Plan the stream of some models; None if it is unknown what any of their tensors reads."""
    tensors = {
        (number, tensor.name): tensor
        for number, layout in enumerate(layouts)
        for tensor in layout.tensors
    }
    reads: dict[TensorKey, frozenset[WeightRange]] = {}
    for key, tensor in tensors.items():
        if tensor.reads is None:
            return None
        # Tensors without values have no bytes that could arrive.
        reads[key] = frozenset(weights for weights in tensor.reads if weights.size_bytes)
    return StreamPlan(tensors, reads, _readers_of(reads.items()))


def _readers_of(
    reads: Iterable[tuple[TensorKey, frozenset[WeightRange]]],
) -> dict[WeightRange, frozenset[TensorKey]]:
    readers: defaultdict[WeightRange, set[TensorKey]] = defaultdict(set)
    for key, several in reads:
        for weights in several:
            readers[weights].add(key)
    return {weights: frozenset(keys) for weights, keys in readers.items()}
