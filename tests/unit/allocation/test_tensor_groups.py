"""Groups of tensors: one kind in one third of the layers."""

from __future__ import annotations

from app.allocation.tensor_groups import grouped, kind_of


def test_a_kind_is_a_name_without_its_layer() -> None:
    assert kind_of("blk.12.ffn_down.weight") == "ffn_down"
    assert kind_of("output.weight") == "output"
    assert kind_of("blk.0.ffn_gate_exps.weight") == "ffn_gate_exps"


def test_each_third_of_the_layers_has_groups_of_its_own() -> None:
    names = [f"blk.{layer}.{kind}.weight" for layer in range(6) for kind in ("attn_q", "ffn_up")]
    groups = grouped([*names, "token_embd.weight", "output.weight"])
    assert len(groups) == 8
    assert ("blk.2.attn_q.weight", "blk.3.attn_q.weight") in groups
    assert ("token_embd.weight",) in groups
    assert sorted(name for group in groups for name in group) == sorted(
        [*names, "token_embd.weight", "output.weight"]
    )


def test_the_order_of_names_makes_no_difference() -> None:
    names = [f"blk.{layer}.attn_v.weight" for layer in range(10)]
    assert grouped(names) == grouped(reversed(names))


def test_no_tensors_are_no_groups() -> None:
    assert grouped([]) == []
