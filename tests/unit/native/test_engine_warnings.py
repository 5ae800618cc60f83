"""Which of llama.cpp's warnings a person reads, and how often."""

from __future__ import annotations

import pytest

from app.native.engine_warnings import relevant_warnings


def test_many_lines_about_one_thing_are_one_warning() -> None:
    lines = [
        "load: missing pre-tokenizer type, using: 'default'\n",
        "load:                                             \n",
        "load: ************************************        \n",
        "load: GENERATION QUALITY WILL BE DEGRADED!        \n",
        "load: CONSIDER REGENERATING THE MODEL             \n",
        "load: ************************************        \n",
    ]
    assert list(relevant_warnings(lines)) == ["missing pre-tokenizer type, using: 'default'"]


def test_what_differs_in_numbers_and_names_alone_is_told_once() -> None:
    lines = [f"get_rows: empty token at index {number}\n" for number in range(50)]
    lines += ["load: bad special token: 'a' = 7, using default id 1\n"]
    lines += ["load: bad special token: 'b' = 8, using default id 2\n"]
    assert list(relevant_warnings(lines)) == [
        "empty token at index 0",
        "bad special token: 'a' = 7, using default id 1",
    ]


def test_there_are_never_more_than_a_few() -> None:
    assert (
        len(list(relevant_warnings(f"load: odd {chr(97 + place)}\n" for place in range(26)))) == 5
    )


@pytest.mark.parametrize(
    "line",
    [
        "warning: failed to mlock 5-byte buffer (after previously locking 0 bytes): no\n",
        "load: control-looking token:      2 '</s>' was not control-type; this is a bug\n",
        "llama_kv_cache_iswa: using full-size SWA cache (ref: https://example.org)\n",
        "model has unused tensor blk.2.nextn.eh_proj.weight (size = 5 bytes) -- ignoring\n",
        "sched_reserve: layer 3 is assigned to device CPU but it is assigned to device X\n",
        "\n",
    ],
)
def test_what_nobody_needs_to_know_is_left_out(line: str) -> None:
    assert list(relevant_warnings([line])) == []


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("sched_reserve: Flash Attention not supported, set to disabled\n", "Flash Attention"),
        ("load: special_eos_id is not in special_eog_ids - it may be\n", "special_eos_id"),
        ("load_hparams: Phi SWA is currently disabled - results\n", "Phi SWA"),
        ("llama_context: n_ctx_seq (512) > n_ctx_train (256) -- possible\n", "n_ctx_seq (512)"),
    ],
)
def test_what_matters_stays_without_the_function_that_said_it(line: str, words: str) -> None:
    (warning,) = relevant_warnings([line])
    assert warning.startswith(words)
