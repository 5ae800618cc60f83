"""The layered model and its passes, against the whole model in transformers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.checkpoints.architectures import make_checkpoint
from tests.support.checkpoints.checkpoints import make_tiny_checkpoint
from tests.support.machine.verbs import ROOT

pytestmark = pytest.mark.slow

COMPARE = """
import json, re, sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
import torch
from transformers import AutoModelForCausalLM
from app.sensitivity.layered_model import LayeredModel
from app.sensitivity.matrix_statistics import StatisticsPlan, statistics_of
from app.sensitivity.passes import Passes, single_threaded_pool

folder, scratch = Path(sys.argv[1]), Path(sys.argv[2])
tokens = torch.randint(3, 500, (3, 48), generator=torch.Generator().manual_seed(0))
whole = AutoModelForCausalLM.from_pretrained(
    folder, dtype=torch.float32, experts_implementation="eager"
)
inputs, gradients = {}, {}
for name, module in whole.named_modules():
    if isinstance(module, torch.nn.Linear):
        def keep(module, given, output, name=name):
            inputs.setdefault(name, []).append(given[0].detach().flatten(0, -2))
            output.register_hook(
                lambda g, name=name: gradients.setdefault(name, []).append(g.flatten(0, -2))
            )
        module.register_forward_hook(keep)
for number, row in enumerate(tokens):
    # In the end, the gradients of the last sequence remain.
    whole.zero_grad()
    logarithms = whole(input_ids=row[None]).logits[0].log_softmax(-1)
    generator = torch.Generator().manual_seed(number)
    drawn = torch.multinomial(logarithms.detach().exp(), 1, generator=generator)
    (-logarithms.gather(1, drawn).sum()).backward()

def gradient_of(name):
    # Experts are parts of a parameter.
    parameters = dict(whole.named_parameters())
    name = name.replace("block_sparse_moe", "mlp")
    if name in parameters:
        owner = whole.get_submodule(name.rpartition(".")[0])
        found = parameters[name].grad
        return found.T if type(owner).__name__ == "Conv1D" else found
    owner, expert, kind = re.fullmatch(r"(.*[.]experts)[.]([0-9]+)[.]([^.]+).weight", name).groups()
    stacked = "down_proj" if kind in {"down_proj", "w2"} else "gate_up_proj"
    found = parameters[f"{owner}.{stacked}"].grad[int(expert)]
    if stacked == "down_proj":
        return found
    half = len(found) // 2
    return found[:half] if kind in {"gate_proj", "w1"} else found[half:]


found = {}
with single_threaded_pool(2) as pool:
    model = LayeredModel(folder, tokens.shape[1])
    passes = Passes(model, tokens, scratch, pool)
    passes.go_up(lambda: None)
    plan = StatisticsPlan(len(tokens) - 1, tokens.shape[1])
    every = list(statistics_of(passes.observe_output(plan.reduce), plan))
    for number in reversed(range(model.layer_count)):
        with model.loaded_layer(number) as layer:
            every += statistics_of(passes.observe_layer(number, layer, plan.reduce), plan)
    for one in every:
        # A tied matrix has the gradients of its lookups, too.
        is_tied = "embed" in one.name or "wte" in one.name
        kept = one.sample.gradients.T @ one.sample.inputs
        difference = 0.0
        if not is_tied:
            exact = gradient_of(one.name)
            difference = float((kept - exact).norm() / exact.norm().clamp_min(1e-9))
        found[one.name] = [difference]
        name = one.name.removesuffix(".weight")
        if is_tied:
            name = "lm_head"
        if name not in inputs:
            continue
        x, g = torch.cat(inputs[name][:-1]), torch.cat(gradients[name][:-1])
        exact = (x * x * g.square().sum(1, keepdim=True)).mean(0)
        moments = (x * g.square().sum(1, keepdim=True)).T @ x / len(x)
        got = one.second_moments(pool)
        found[one.name] += [
            float((one.importance() - exact).norm() / exact.norm()),
            float((got - moments).norm() / moments.norm()),
        ]
print(json.dumps([found, len(inputs)]))
"""


@pytest.mark.parametrize(
    "kind",
    [
        "Llama",
        "Gemma2Config",
        "Gemma3TextConfig",
        "Phi3Config",
        "Qwen3Config",
        # Matrices columns first, others multiplied by hand, names that transformers changes.
        "GPT2Config",
        "FalconConfig",
        "GPTNeoXConfig",
        # Experts.
        "MixtralConfig",
        "Qwen2MoeConfig",
    ],
)
def test_statistics_are_those_of_the_whole_model(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    if kind == "Llama":
        make_tiny_checkpoint(folder, layers=2)
    else:
        make_checkpoint(kind, folder)
    command = [sys.executable, "-c", COMPARE, str(folder), str(tmp_path)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    assert ended.returncode == 0, ended.stderr
    found, matrices = json.loads(ended.stdout.splitlines()[-1])
    assert len(found) >= matrices
    for name, (gradient, *moments) in found.items():
        assert gradient < 1e-3, name
        # The inputs are kept in 16 bits, of which 8 are significant.
        assert all(one < 0.01 for one in moments), name
