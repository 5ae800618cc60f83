"""Search for models on the Hub, with their approximate size and fit on this machine."""

from __future__ import annotations

import math
from typing import NamedTuple
from urllib.parse import quote

import msgspec

from app.core.errors import AppError, ErrorCode
from app.core.hub_events import HubModelFound, HubSearch, SearchSort
from app.estimation.fit_by_parameters import guess_fit, max_parameters
from app.estimation.hardware import Hardware
from app.hub.host import Host
from app.hub.hub_api import ApiRequest, HubApi, Query
from app.hub.model_kind import kind_of, purpose_of
from app.hub.model_record import ModelRecord, number_of, read_record, read_records
from app.hub.reference import RepositoryReference, parse_reference

_FIELDS = (
    *("cardData", "downloads", "gated", "gguf", "lastModified", "library_name", "likes"),
    *("pipeline_tag", "safetensors", "tags"),
)
_SORTS: dict[SearchSort, str] = {
    "trending": "trendingScore",
    "downloads": "downloads",
    "likes": "likes",
    "updated": "lastModified",
}
_MAX_RESULTS = 100
_MAX_LANGUAGES = 12
_BILLION = 10**9


class Found(NamedTuple):
    """The results of a search; outdated if they are older ones, since the Hub doesn't respond."""

    models: tuple[HubModelFound, ...]
    is_outdated: bool


def search(wanted: HubSearch, api: HubApi, host: Host, number: int = 0) -> Found:
    """Return the models that match; for the name or address of a repository, that one.

    Raises:
        AppError: `hub_unreachable`, `hub_busy`, `hub_answer`, `token_invalid`; for an address
            also what `find_model` raises.
    """
    reference = _named_repository(wanted.text)
    if reference is not None:
        try:
            return find_model(reference, api, host, number)
        except AppError as error:
            # The text may as well be the beginning of a name.
            if error.code is not ErrorCode.REPOSITORY_NOT_FOUND or "://" in wanted.text:
                raise
    wanted = _narrowed(wanted, host)
    request = ApiRequest("/api/models", read_records, query_of(wanted))
    records, is_outdated = api.ask(request)
    machine = host.hardware()
    found = (result_of(record, number, machine, host) for record in records)
    matching = [one for one in found if _matches(one, wanted)]
    return Found(tuple(matching[: wanted.limit]), is_outdated)


def find_model(reference: RepositoryReference, api: HubApi, host: Host, number: int = 0) -> Found:
    """Return one repository as a result.

    Raises:
        AppError: what `HubApi.ask` raises about a repository.
    """
    path = f"/api/models/{quote(reference.repository)}"
    request = ApiRequest(path, read_record, [("expand", field) for field in _FIELDS], reference)
    record, is_outdated = api.ask(request)
    return Found((result_of(record, number, host.hardware(), host),), is_outdated)


def query_of(wanted: HubSearch) -> Query:
    """Return a search as the API's query, with the parameters of huggingface_hub's `list_models`.

    The Hub sorts in descending order. Its bounds for the number of parameters are whole
    billions; for other bounds, more results are requested, and narrowed down later.
    """
    tags = (
        wanted.format,
        f"license:{wanted.license}" if wanted.license else "",
        wanted.language,
        f"base_model:quantized:{wanted.quantized_from}" if wanted.quantized_from else "",
    )
    fields = (
        *(("filter", tag) for tag in tags),
        ("author", wanted.author),
        ("gated", "" if wanted.gated is None else str(wanted.gated).lower()),
        ("pipeline_tag", wanted.task),
        ("num_parameters", _whole_range(wanted)),
        ("search", wanted.text.strip()),
        ("sort", _SORTS[wanted.sort]),
        ("limit", str(wanted.limit if _has_whole_bounds(wanted) else _MAX_RESULTS)),
        *(("expand", field) for field in _FIELDS),
    )
    return [(name, value) for name, value in fields if value]


def result_of(
    record: ModelRecord, number: int, machine: Hardware | None, host: Host
) -> HubModelFound:
    """Return a model as a result, with its fit on this machine if one can chat with it."""
    parameters = record.parameters
    result = HubModelFound(
        number=number,
        repository=record.id,
        kind=kind_of(record),
        parameters=parameters,
        downloads=number_of(record.downloads),
        likes=number_of(record.likes),
        updated=record.updated,
        license=record.license,
        languages=record.languages[:_MAX_LANGUAGES],
        formats=record.formats,
        gated=record.is_gated,
    )
    if not parameters or machine is None or purpose_of(result.kind):
        return result
    fit = guess_fit(parameters, host.options, machine)
    if "gguf" in record.formats:
        # Its files are not known, and so neither are its levels.
        return msgspec.structs.replace(result, fit=fit.verdict)
    return msgspec.structs.replace(
        result, best_level=fit.level, size_bytes=fit.size_bytes, fit=fit.verdict
    )


def _named_repository(text: str) -> RepositoryReference | None:
    try:
        return parse_reference(text)
    except AppError:
        return None


def _narrowed(wanted: HubSearch, host: Host) -> HubSearch:
    """Return a search that asks the Hub only for models that fit, if it is for those."""
    machine = host.hardware() if wanted.fits_only else None
    if machine is None:
        return wanted
    most = min(wanted.max_parameters or math.inf, max_parameters(host.options, machine))
    return msgspec.structs.replace(wanted, max_parameters=int(most))


def _matches(found: HubModelFound, wanted: HubSearch) -> bool:
    """Return whether a result is within the wanted bounds."""
    if wanted.fits_only and found.fit == "too_large":
        return False
    least, most = wanted.min_parameters, wanted.max_parameters or math.inf
    return not found.parameters or least <= found.parameters <= most


def _whole_range(wanted: HubSearch) -> str:
    least, most = wanted.min_parameters // _BILLION, -(-wanted.max_parameters // _BILLION)
    bounds = (("min", least), ("max", most))
    return ",".join(f"{name}:{billions}B" for name, billions in bounds if billions)


def _has_whole_bounds(wanted: HubSearch) -> bool:
    return not (wanted.min_parameters % _BILLION or wanted.max_parameters % _BILLION)
