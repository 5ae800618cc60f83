"""Time saved by the prompt cache: `python -m tests.benchmarks.saved_states [MODEL]`.

A prompt is processed, and its state saved and restored; the best of several rounds counts. The rule
in `app.inference.session.prompt_cache` keeps a state if processing takes more than twice as long as
saving and restoring. The model is SmolLM2-135M unless a GGUF file is given.
"""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

from app.core.load_options import LoadOptions
from app.gguf_file.model import read_model
from app.inference.loading.loaded_model import LoadRequest
from app.inference.sampling.parameters import SamplingParameters
from app.inference.session.generation import Generation
from app.inference.session.prompt_cache import PromptCache
from app.inference.session.session import Session
from tests.support.checkpoints.checkpoints import smollm2_gguf

LENGTHS, ROUNDS = (256, 1024), 2


def main(model: Path) -> None:
    """Print a table."""
    options = LoadOptions(context=LENGTHS[-1] + 256)
    load_request = LoadRequest(read_model(model), options)
    print(f"{'tokens':>8}{'MB':>9}{'read, s':>10}{'out, ms':>10}{'back, ms':>10}{'ratio':>9}")
    with Session(load_request, lambda _: None) as session:
        for length in LENGTHS:
            rounds = [figures_of(session, length) for _ in range(ROUNDS)]
            size = rounds[0][0]
            read, out, back = (min(one[place] for one in rounds) for place in (1, 2, 3))
            print(
                f"{length:>8}{size / 1e6:>9.1f}{read:>10.2f}{out * 1e3:>10.1f}{back * 1e3:>10.1f}"
                f"{read / (out + back):>8.0f}x"
            )


def figures_of(session: Session, length: int) -> tuple[float, float, float, float]:
    """Return the state's size in bytes, and the seconds to process, save and restore it."""
    session.forget_everything()
    chance = random.Random(0)
    prompt = [chance.randrange(100, 400) for _ in range(length)]
    asked = Generation(prompt, SamplingParameters(temperature=0), 1)
    list(session.stream_reply(asked))
    states = PromptCache(session.loaded, sys.maxsize)
    began = time.perf_counter()
    states.save(0, prompt, 0)
    out = time.perf_counter() - began
    (state,) = states._states
    session.forget_everything()
    began = time.perf_counter()
    assert states.restore(state, 0)
    back = time.perf_counter() - began
    return state.data.nbytes, asked.statistics.prompt_seconds, out, back


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else smollm2_gguf())
