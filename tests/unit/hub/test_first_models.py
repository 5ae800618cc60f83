"""The models that are offered at the first start."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from app.core.errors import AppError, ErrorCode
from app.core.load_options import LoadOptions
from app.estimation.hardware import Hardware
from app.hub.first_models import find_first_models, fitting_models, listed_models
from app.hub.host import Host
from app.hub.hub_api import HubApi
from app.hub.model_record import is_repository
from tests.support.hub.hub_models import add_model, chat_facts
from tests.support.hub.local_hub import LocalHub

GIGABYTE = 10**9


def host_with(free_bytes: int) -> Host:
    machine = Hardware(4, 8, free_bytes, free_bytes)
    return Host(LoadOptions(), lambda: machine, lambda: None)


def served(hub: LocalHub, folder: Path, names: Iterable[str]) -> None:
    sizes = {model.repository: model.parameters for model in listed_models()}
    for name in names:
        add_model(hub, name, folder, chat_facts(sizes[name]))


def test_the_list_is_complete_and_ordered() -> None:
    models = listed_models()
    assert 8 <= len(models) <= 14
    assert all(is_repository(model.repository) for model in models)
    assert {model.license for model in models} <= {"apache-2.0", "mit"}
    assert all(model.sentence.endswith(".") for model in models)
    sizes = [model.parameters for model in models]
    assert sizes == sorted(sizes)
    assert sizes[0] < 0.2 * GIGABYTE
    assert sizes[-1] > 13 * GIGABYTE


@pytest.mark.parametrize(
    ("free", "largest"),
    [(2, 2), (8, 9), (64, 15)],
)
def test_models_fit_the_machine(free: int, largest: int) -> None:
    models = fitting_models(listed_models(), host_with(free * GIGABYTE))
    assert len(models) >= 4
    assert models[-1].parameters <= largest * GIGABYTE


def test_the_smallest_of_an_unknown_machine() -> None:
    host = Host(LoadOptions(), lambda: None, lambda: None)
    assert fitting_models(listed_models(), host) == listed_models()[:5]


def test_models_that_are_gone_or_gated_are_left_out(
    hub: LocalHub, api: HubApi, tmp_path: Path
) -> None:
    names = [model.repository for model in listed_models()]
    served(hub, tmp_path, names[:3])
    hub.repositories[names[1]].gated = True

    found = find_first_models(api, host_with(64 * GIGABYTE), 7)

    assert [model.repository for model in found.models] == [names[0], names[2]]
    first, listed = found.models[0], listed_models()[0]
    assert (first.number, first.sentence, first.kind) == (7, listed.sentence, "chat")
    assert first.fit == "on_processor"


def test_the_largest_few_are_shown(hub: LocalHub, api: HubApi, tmp_path: Path) -> None:
    names = [model.repository for model in listed_models()]
    served(hub, tmp_path, names)
    found = find_first_models(api, host_with(64 * GIGABYTE))
    assert [model.repository for model in found.models] == names[-5:]


def test_a_hub_that_does_not_respond(hub: LocalHub, api: HubApi) -> None:
    hub.faults.api_errors = 100
    with pytest.raises(AppError) as caught:
        find_first_models(api, host_with(8 * GIGABYTE))
    assert caught.value.code is ErrorCode.HUB_ANSWER
