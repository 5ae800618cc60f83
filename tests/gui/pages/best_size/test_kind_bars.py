from __future__ import annotations

from app.core.allocation_events import ChosenShare
from app.gui.pages.convert.best_size.kind_bars import TypeLook, kind_bars, type_looks

SHARES = (
    ChosenShare("attn_v", "q6_K", 4, 4_000),
    ChosenShare("ffn_down", "q4_K", 20, 40_000_000),
    ChosenShare("ffn_down", "q3_K", 10, 15_000_000),
    ChosenShare("ffn_gate", "iq4_nl", 30, 60_000_000),
    ChosenShare("ffn_gate_inp", "f32", 30, 2_000),
    ChosenShare("output", "q8_0", 1, 3_000),
)


def test_kinds_are_ordered_by_size_and_types_by_bits() -> None:
    bars = kind_bars(SHARES)
    kinds = [bar.kind for bar in bars]
    assert kinds == ["ffn_gate", "ffn_down", "attn_v", "output", "ffn_gate_inp"]
    assert [part.type for part in bars[1].parts] == ["q3_K", "q4_K"]
    assert bars[1].size_bytes == 55_000_000
    assert bars[1].words == "ffn_down: 10 × q3_K (15 MB), 20 × q4_K (40 MB)"


def test_all_types_of_a_small_file_look_different() -> None:
    names = ("iq2_xxs", "iq2_xs", "iq2_s", "q2_K", "iq3_xxs", "iq3_s", "q3_K")
    looks = type_looks([ChosenShare("ffn_up", name, 1, 1_000) for name in names])
    assert list(looks) == list(names)
    assert len(set(looks.values())) == len(names)
    # A plain one and four patterns can be told apart.
    assert all(look.pattern <= 4 for look in looks.values())


def test_types_with_as_many_bits_have_one_hue_and_different_patterns() -> None:
    looks = type_looks(SHARES)
    assert list(looks) == ["q3_K", "iq4_nl", "q4_K", "q6_K", "q8_0", "f32"]
    assert (looks["iq4_nl"], looks["q4_K"]) == (TypeLook(0, 0), TypeLook(0, 1))
    assert len(set(looks.values())) == len(looks)
    assert looks["q3_K"].hue != looks["q4_K"].hue != looks["q6_K"].hue != looks["q8_0"].hue
