"""Times at which a server sampled each token: a verb that records them, and the records.

Run: `python -m tests.support.engine.stamped_tokens FILE VERB …`; the clock is shared by all
processes.
"""

from __future__ import annotations

import os
import struct
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

from app.inference.sampling.parameters import SamplingParameters
from app.inference.sampling.sampler import Sampler
from app.inference.session import session
from app.inference.tokens.decoding import Floats
from app.inference.tokens.vocabulary import Vocabulary

_NOTE = struct.Struct("<IId")


def stamps(file: Path) -> dict[int, list[tuple[float, int]]]:
    """Return the sampling times (monotonic) and byte lengths of tokens for each seed."""
    found: dict[int, list[tuple[float, int]]] = defaultdict(list)
    for seed, length, moment in _NOTE.iter_unpack(file.read_bytes()):
        found[seed].append((moment, length))
    return found


def _note_tokens(path: str) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    class StampedSampler(Sampler):
        def __init__(
            self, sampling: SamplingParameters, vocabulary: Vocabulary, prompt: Sequence[int]
        ) -> None:
            super().__init__(sampling, vocabulary, prompt)
            self._seed, self._piece = sampling.seed, vocabulary.piece

        def sample(self, context: int, place: int, logits: Callable[[], Floats]) -> int:
            token = super().sample(context, place, logits)
            moment = time.monotonic()
            os.write(file, _NOTE.pack(self._seed, len(self._piece(token)), moment))
            return token

    vars(session)["Sampler"] = StampedSampler


if __name__ == "__main__":
    from app.__main__ import main

    _note_tokens(sys.argv.pop(1))
    sys.exit(main())
