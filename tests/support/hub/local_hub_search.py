"""Search in the Hub on loopback: the answers of `/api/models` to queries."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

Query = dict[str, list[str]]
_ALWAYS = ("_id", "id", "modelId")
_WEIGHTS = {"K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12, "": 1}
_SORTS = {"trendingScore", "downloads", "likes", "lastModified", "createdAt"}


def matching(descriptions: Iterable[dict[str, Any]], query: Query) -> list[dict[str, Any]]:
    """Return the descriptions that match, with the fields and in the order that are asked for."""
    found = [one for one in descriptions if all(test(one) for test in _tests(query))]
    sort = _first(query, "sort", "trendingScore")
    if sort not in _SORTS:
        raise ValueError(sort)
    found.sort(key=lambda one: one.get(sort) or 0, reverse=True)
    return [expanded(one, query) for one in found[: int(_first(query, "limit", "1000"))]]


def expanded(description: dict[str, Any], query: Query) -> dict[str, Any]:
    """Return only the fields that a query asks for, or all if it asks for none."""
    wanted = query.get("expand")
    if not wanted:
        return description
    return {key: description[key] for key in (*_ALWAYS, *wanted) if key in description}


def _tests(query: Query) -> Iterable[Callable[[dict[str, Any]], bool]]:
    for tag in query.get("filter", ()):
        yield lambda one, tag=tag: tag in one["tags"]
    if author := _first(query, "author"):
        yield lambda one: one["author"] == author
    if words := _first(query, "search").lower().split():
        yield lambda one: all(word in one["id"].lower() for word in words)
    if task := _first(query, "pipeline_tag"):
        yield lambda one: one.get("pipeline_tag") == task
    if gated := _first(query, "gated"):
        yield lambda one: bool(one["gated"]) == (gated == "true")
    if bounds := _first(query, "num_parameters"):
        yield lambda one: _is_within(one, bounds)


def _is_within(description: dict[str, Any], bounds: str) -> bool:
    weights = description.get("safetensors") or description.get("gguf") or {}
    total = weights.get("total")
    if total is None:
        return False
    limits = {"min": 0.0, "max": float("inf")}
    for bound in bounds.split(","):
        match = re.fullmatch(r"(min|max):(\d+(?:\.\d+)?)([KMBT]?)", bound)
        if match is None:
            raise ValueError(bounds)
        limits[match[1]] = float(match[2]) * _WEIGHTS[match[3]]
    return limits["min"] <= total <= limits["max"]


def _first(query: Query, name: str, default: str = "") -> str:
    return query.get(name, [default])[0]
