"""Salvage the valid values of a JSON file.

Another version of the program may have written the invalid ones, or the user.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_origin

import msgspec

from app.core.errors import AppError, NoticeCode
from app.core.events import NoticeReported
from app.core.files import write_atomically

T = TypeVar("T")
_MAX_NAMED = 12


class _Invalid:
    """Placeholder for an invalid value."""


_INVALID = _Invalid()


def salvaged(content: bytes, kind: type[T]) -> tuple[T, tuple[str, ...]]:
    """Return the valid part of a file, and the names of the invalid values.

    An invalid field of a struct gets its default; an invalid entry of a dictionary or list, and a
    struct without a required field, is left out.

    Args:
        content: JSON.
        kind: A struct, or a dictionary or list of structs.

    Raises:
        ValueError: It is not JSON, or not of this kind at all.
        RecursionError: It is nested too deeply.
    """
    with suppress(msgspec.ValidationError):
        return msgspec.json.decode(content, type=kind), ()
    names: list[str] = []
    value = _valid_part(msgspec.json.decode(content), kind, (), names)
    if isinstance(value, _Invalid):
        raise msgspec.ValidationError(f"no {kind}")
    return value, tuple(names)


def back_up_invalid(file: Path, content: bytes, names: tuple[str, ...]) -> NoticeReported | None:
    """Copy a file with invalid values to `.bad` and return the notice; None if there are none."""
    if not names:
        return None
    kept = file.with_name(file.name + ".bad")
    try:
        if not kept.is_file() or kept.read_bytes() != content:
            write_atomically(kept, content)
    except (OSError, AppError):
        # The values stay in the file until something is saved.
        kept = file
    named = ", ".join(names[:_MAX_NAMED]) + (", …" if len(names) > _MAX_NAMED else "")
    details = {"file": file.name, "names": named, "kept": str(kept)}
    return NoticeReported(NoticeCode.VALUES_LEFT_OUT, {**details})


def _valid_part(value: Any, kind: Any, place: tuple[str, ...], names: list[str]) -> Any:
    with suppress(msgspec.ValidationError):
        return msgspec.convert(value, kind)
    found: Any = _INVALID
    plain = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    match value:
        case dict() if isinstance(plain, type) and issubclass(plain, msgspec.Struct):
            found = _struct(value, plain, place, names)
        case dict() if get_origin(plain) is dict:
            of_entry = get_args(plain)[1]
            entries = {
                key: _valid_part(entry, of_entry, (*place, key), names)
                for key, entry in value.items()
            }
            found = {key: one for key, one in entries.items() if one is not _INVALID}
        # In a list of numbers the position matters, so none can be left out.
        case list() if get_origin(plain) in (list, tuple) and _are_apart(get_args(plain)[0]):
            some = [
                _valid_part(entry, get_args(plain)[0], (*place, str(number)), names)
                for number, entry in enumerate(value, start=1)
            ]
            found = get_origin(plain)(one for one in some if one is not _INVALID)
    if found is _INVALID and place:
        names.append(".".join(place))
    return found


def _struct(
    value: dict[str, Any], kind: type[msgspec.Struct], place: tuple[str, ...], names: list[str]
) -> Any:
    fields: dict[str, Any] = {}
    found_before = len(names)
    for field in msgspec.structs.fields(kind):
        if field.encode_name in value:
            inner = (*place, field.encode_name)
            one = _valid_part(value[field.encode_name], field.type, inner, names)
            if one is not _INVALID:
                fields[field.name] = one
        if field.required and field.name not in fields:
            # Name the struct instead of its fields.
            del names[found_before:]
            return _INVALID
    try:
        # Some values are invalid only together with others.
        return msgspec.convert(msgspec.to_builtins(kind(**fields)), kind)
    except (msgspec.ValidationError, ValueError):
        return _INVALID


def _are_apart(kind: Any) -> bool:
    return isinstance(kind, type) and kind not in (int, float)
