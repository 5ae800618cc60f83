"""Ten thousand odd requests to `gristmill serve`: no crash, no internal error, no memory growth.

Run: `python -m tests.benchmarks.request_fuzz [COUNT] [SEED]`. Each request is a valid one with some
fields changed, or no JSON at all. A status of 500 or above counts as a fault, except 503.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import httpx2
import psutil

from tests.processes.serving import serving
from tests.support.engine.tiny_model import write_tiny_model

_CONTEXT = 512
_USER = {"role": "user", "content": "Hello"}
_TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
_GOOD: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {
        "messages": [_USER],
        "max_tokens": 2,
        "temperature": 0.5,
        "tools": [_TOOL],
        "stop": ["x"],
        "logprobs": True,
        "top_logprobs": 2,
        "response_format": {"type": "json_object"},
        "chat_template_kwargs": {"enable_thinking": True},
        "stream_options": {"include_usage": True},
    },
    "/v1/completions": {
        "prompt": "Hello",
        "max_tokens": 2,
        "seed": 7,
        "top_k": 4,
        "logit_bias": {"5": 1},
        "grammar": 'root ::= "a" | "b"',
        "mirostat": 1,
        "dry_multiplier": 0.5,
        "stream": False,
    },
    "/v1/responses": {
        "input": [_USER],
        "max_output_tokens": 2,
        "instructions": "Be brief.",
        "tools": [{"type": "function", "name": "look", "parameters": {}}],
        "text": {"format": {"type": "text"}},
        "metadata": {"a": "b"},
    },
    "/v1/embeddings": {"input": ["Hello", "there"], "encoding_format": "float"},
    "/tokenize": {"content": "Hello", "add_special": True},
    "/detokenize": {"tokens": [1, 2, 3]},
}
_ODD: tuple[Any, ...] = (
    None, True, 0, -1, 1, 2**31, 2**63, -(2**63), 10**30, 0.0, -0.5, 1e308, 5e-324, "", "a", "\0",
    "\ud800", "é" * 3000, "x" * 20_000, [], {}, [[]], [None], {"": None}, [1, "a"], [2**40],
    {"type": "json_schema", "json_schema": {"schema": {"$ref": "#"}}}, {"type": "object"},
    {"role": "tool", "content": None}, [{"role": "assistant"}], "root ::= root", "root ::= (",
)  # fmt: skip


def _changed(value: Any, draw: random.Random) -> Any:
    """Return the value with one part of it, at any depth, changed, removed or doubled."""
    if isinstance(value, dict) and value and draw.random() < 0.8:
        name = draw.choice(list(value))
        rest = {key: part for key, part in value.items() if key != name}
        return rest if draw.random() < 0.1 else {**rest, name: _changed(value[name], draw)}
    if isinstance(value, list) and value and draw.random() < 0.7:
        place = draw.randrange(len(value))
        changed = _changed(value[place], draw)
        return [*value[:place], *[changed] * draw.choice((1, 1, 2, 5)), *value[place + 1 :]]
    odd = draw.choice(_ODD)
    for _ in range(draw.choice((0, 0, 0, 1, 300))):
        odd = [odd]
    return odd


def _body(path: str, draw: random.Random) -> bytes:
    body: Any = _GOOD[path]
    for _ in range(draw.choice((0, 1, 1, 2))):
        body = _changed(body, draw)
    encoded = json.dumps(body).encode()
    if draw.random() < 0.1:
        cut = draw.randrange(len(encoded) + 1)
        encoded = encoded[:cut] + draw.randbytes(draw.choice((0, 1, 8))) + encoded[cut + 1 :]
    return encoded


def main() -> None:
    """Print a table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    draw = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    statuses: Counter[tuple[str, int]] = Counter()
    faults: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        model = write_tiny_model(Path(folder) / "tiny.gguf", context=_CONTEXT)
        with serving(model, "--context", str(_CONTEXT), "--threads", "1") as server:
            process = psutil.Process(server.child.process.pid)
            before = 0
            with server.client() as client:
                for number in range(count):
                    if number == count // 10:
                        before = process.memory_info().rss
                    path = draw.choice(list(_GOOD))
                    body = _body(path, draw)
                    status = _status_of(client, path, body)
                    statuses[path, status] += 1
                    if status >= 500 and status != 503:
                        faults.append(f"{path} {status} {body[:200]!r}")
            growth = process.memory_info().rss - before
            assert server.complete("still there", max_tokens=1)
    for (path, status), times in sorted(statuses.items()):
        print(f"{path:<24}{status:>5}{times:>8}")
    print(f"faults {len(faults)}, memory after the first tenth {growth / 2**20:+.1f} MiB")
    print("\n".join(faults[:10]))


def _status_of(client: httpx2.Client, path: str, body: bytes) -> int:
    headers = {"Content-Type": "application/json"}
    return client.post(path, content=body, headers=headers).status_code


if __name__ == "__main__":
    main()
