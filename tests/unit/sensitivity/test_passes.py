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
import json, sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
import torch
from transformers import AutoModelForCausalLM
from app.sensitivity.layered_model import LayeredModel
from app.sensitivity.matrix_statistics import StatisticsPlan, statistics_of
from app.sensitivity.passes import Passes, single_threaded_pool

folder, scratch = Path(sys.argv[1]), Path(sys.argv[2])
tokens = torch.randint(3, 500, (3, 48), generator=torch.Generator().manual_seed(0))
whole = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
inputs, gradients = {}, {}
for name, module in whole.named_modules():
    if isinstance(module, torch.nn.Linear):
        def keep(module, given, output, name=name):
            inputs.setdefault(name, []).append(given[0].detach()[0])
            output.register_hook(lambda g, name=name: gradients.setdefault(name, []).append(g[0]))
        module.register_forward_hook(keep)
for number, row in enumerate(tokens):
    logarithms = whole(input_ids=row[None]).logits[0].log_softmax(-1)
    generator = torch.Generator().manual_seed(number)
    drawn = torch.multinomial(logarithms.detach().exp(), 1, generator=generator)
    (-logarithms.gather(1, drawn).sum()).backward()

found = {}
with single_threaded_pool(2) as pool:
    model = LayeredModel(folder, tokens.shape[1])
    passes = Passes(model, tokens, scratch, pool)
    passes.go_up(lambda: None)
    plan = StatisticsPlan(len(tokens) - 1, tokens.shape[1])
    every = list(statistics_of(passes.observe_output(plan.reduce)))
    for number in reversed(range(model.layer_count)):
        with model.loaded_layer(number) as layer:
            every += statistics_of(passes.observe_layer(number, layer, plan.reduce))
    for one in every:
        name = one.name.removesuffix(".weight")
        if name not in inputs:
            name = "lm_head"
        x, g = torch.cat(inputs[name][:-1]), torch.cat(gradients[name][:-1])
        exact = (x * x * g.square().sum(1, keepdim=True)).mean(0)
        moments = (x * g.square().sum(1, keepdim=True)).T @ x / len(x)
        got = one.second_moments(pool)
        kept = one.sample.gradients.T @ one.sample.inputs
        sample = (kept, gradients[name][-1].T @ inputs[name][-1])
        found[one.name] = [
            float((one.importance() - exact).norm() / exact.norm()),
            float((got - moments).norm() / moments.norm()),
            float((sample[0] - sample[1]).norm() / sample[1].norm()),
        ]
print(json.dumps([found, len(inputs)]))
"""


@pytest.mark.parametrize(
    "kind", ["Llama", "Gemma2Config", "Gemma3TextConfig", "Phi3Config", "Qwen3Config"]
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
    assert len(found) == matrices
    for name, (importance, moments, sample) in found.items():
        # The inputs are kept in 16 bits, of which 8 are significant.
        assert importance < 0.01, name
        assert moments < 0.01, name
        assert sample < 1e-3, name
