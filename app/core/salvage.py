"""Reading a JSON file of one's own, of which some values can't be understood: the rest counts.

Another version of the program may have written them, or a person.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_origin

import msgspec

from app.core.errors import AppError, NoticeCode
from app.core.events import Noticed
from app.core.files import write_atomically

T = TypeVar("T")
_MOST_NAMED = 12


class _NotUnderstood:
    """Takes the place of a value."""


_NOT_UNDERSTOOD = _NotUnderstood()


def salvaged(content: bytes, kind: type[T]) -> tuple[T, tuple[str, ...]]:
    """What can be understood of a file, and the names of the values that can't.

    A field of a struct falls back to its default; an entry of a dictionary or a list, and a struct
    without a field that it needs, is left out.

    Args:
        content: JSON.
        kind: a struct, or a dictionary or list of some.

    Raises:
        ValueError: when it is not JSON, or something else than the kind as a whole.
        RecursionError: when it is nested too deeply.
    """
    with suppress(msgspec.ValidationError):
        return msgspec.json.decode(content, type=kind), ()
    names: list[str] = []
    value = _understood(msgspec.json.decode(content), kind, (), names)
    if isinstance(value, _NotUnderstood):
        raise msgspec.ValidationError(f"no {kind}")
    return value, tuple(names)


def left_out(file: Path, content: bytes, names: tuple[str, ...]) -> Noticed | None:
    """The notice that these values were left out, of which the file is kept beside it as `.bad`."""
    if not names:
        return None
    kept = file.with_name(file.name + ".bad")
    try:
        if not kept.is_file() or kept.read_bytes() != content:
            write_atomically(kept, content)
    except (OSError, AppError):
        # As long as nothing is saved the values stand there.
        kept = file
    named = ", ".join(names[:_MOST_NAMED]) + (", …" if len(names) > _MOST_NAMED else "")
    details = {"file": file.name, "names": named, "kept": str(kept)}
    return Noticed(NoticeCode.VALUES_LEFT_OUT, {**details})


def _understood(value: Any, kind: Any, place: tuple[str, ...], names: list[str]) -> Any:
    with suppress(msgspec.ValidationError):
        return msgspec.convert(value, kind)
    found: Any = _NOT_UNDERSTOOD
    plain = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    match value:
        case dict() if isinstance(plain, type) and issubclass(plain, msgspec.Struct):
            found = _struct(value, plain, place, names)
        case dict() if get_origin(plain) is dict:
            of_entry = get_args(plain)[1]
            entries = {
                key: _understood(entry, of_entry, (*place, key), names)
                for key, entry in value.items()
            }
            found = {key: one for key, one in entries.items() if one is not _NOT_UNDERSTOOD}
        # Of numbers each means something by its place.
        case list() if get_origin(plain) in (list, tuple) and _are_apart(get_args(plain)[0]):
            some = [
                _understood(entry, get_args(plain)[0], (*place, str(number)), names)
                for number, entry in enumerate(value, start=1)
            ]
            found = get_origin(plain)(one for one in some if one is not _NOT_UNDERSTOOD)
    if found is _NOT_UNDERSTOOD and place:
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
            one = _understood(value[field.encode_name], field.type, inner, names)
            if one is not _NOT_UNDERSTOOD:
                fields[field.name] = one
        if field.required and field.name not in fields:
            # It is named as a whole.
            del names[found_before:]
            return _NOT_UNDERSTOOD
    try:
        # A value that is only refused together with others.
        return msgspec.convert(msgspec.to_builtins(kind(**fields)), kind)
    except (msgspec.ValidationError, ValueError):
        return _NOT_UNDERSTOOD


def _are_apart(kind: Any) -> bool:
    return isinstance(kind, type) and kind not in (int, float)
