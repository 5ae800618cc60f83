"""Open chat models for the first start, as far as they fit this machine and the Hub has them."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor

import msgspec

from app.core.errors import AppError, ErrorCode
from app.core.language import translated
from app.core.levels import DEFAULT_LEVEL
from app.core.resources import resource
from app.estimation.fit_by_parameters import verdict_at
from app.hub.host import Host
from app.hub.hub_api import HubApi
from app.hub.reference import RepositoryReference
from app.hub.search import Found, find_model

_MOST = 5
_GONE = frozenset({ErrorCode.REPOSITORY_NOT_FOUND, ErrorCode.REPOSITORY_GATED})


class FirstModel(msgspec.Struct, frozen=True):
    """An ungated chat model with a free license that llama.cpp's converter knows."""

    repository: str
    license: str
    parameters: int
    sentence: str


def listed_models() -> list[FirstModel]:
    """Return the models of `resources/first_models.json`, smallest first."""
    content = resource("first_models.json").read_bytes()
    return msgspec.json.decode(content, type=list[FirstModel])


def fitting_models(models: Iterable[FirstModel], host: Host) -> list[FirstModel]:
    """Return those that fit this machine at a good level; the smallest few if it is unknown."""
    machine = host.hardware()
    if machine is None:
        return list(models)[:_MOST]
    return [
        model
        for model in models
        if verdict_at(DEFAULT_LEVEL, model.parameters, host.options, machine) != "too_large"
    ]


def find_first_models(api: HubApi, host: Host, number: int = 0) -> Found:
    """Return the largest fitting models that the Hub has and gives to everybody.

    Raises:
        AppError: `hub_unreachable`, `hub_busy`, `hub_answer`, `token_invalid`.
    """
    models = fitting_models(listed_models(), host)
    with ThreadPoolExecutor(max_workers=_MOST) as pool:
        asked = [
            pool.submit(find_model, RepositoryReference(model.repository), api, host, number)
            for model in models
        ]
    answers = [_answer_of(future) for future in asked]
    results = tuple(
        msgspec.structs.replace(result, sentence=translated(model.sentence))
        for answer, model in zip(answers, models, strict=True)
        for result in answer.models
        if not result.gated
    )
    return Found(results[-_MOST:], any(answer.is_outdated for answer in answers))


def _answer_of(asked: Future[Found]) -> Found:
    try:
        return asked.result()
    except AppError as error:
        if error.code in _GONE:
            return Found((), is_outdated=False)
        raise
