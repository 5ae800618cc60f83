"""Downloads killed at 200 random points: `python -m tests.benchmarks.download_kills [COUNT]`.

Each download of 300 MB, over up to four connections, is killed with SIGKILL again and again until
it finishes. The bytes that the server sent more than once include those that were still on their
way to the killed child.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
from pathlib import Path

from tests.support.hub.kills import kill_download, leftovers
from tests.support.hub.local_hub import LocalHub

COUNT = 200
SIZE = 300 * 10**6
LONGEST = 60 * 10**6


def main() -> None:
    """Print what each download cost."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else COUNT
    chance, kills, worst = random.Random(0), 0, 0.0
    with tempfile.TemporaryDirectory() as name, LocalHub() as hub:
        home, served = Path(name, "home"), Path(name, "served")
        os.environ.update(GRISTMILL_HOME=str(home), HF_ENDPOINT=hub.endpoint)
        served.mkdir()
        content = os.urandom(SIZE)
        (served / "model-Q8_0.gguf").write_bytes(content)
        hub.add_repository("owner/name", served)
        hub.faults.bytes_per_second = 50 * 10**6
        while kills < count:
            target, here = Path(name, "target"), 0
            hub.requests.clear()
            while not kill_download(hub, "owner/name", target, chance.randrange(LONGEST)):
                here += 1
            twice = (hub.sent_bytes() - SIZE) / max(1, here) / 1e6
            kills, worst = kills + here, max(worst, twice)
            is_right = (target / "model-Q8_0.gguf").read_bytes() == content
            left = leftovers(target, home) or "nothing"
            print(
                f"{kills:>4} kills: {'right' if is_right else 'WRONG'}, {left} left, "
                f"{twice:.1f} MB sent twice per kill (at most {worst:.1f})",
                flush=True,
            )
            (target / "model-Q8_0.gguf").unlink()
            (target / ".gristmill.json").unlink()


if __name__ == "__main__":
    main()
