"""A model as the Hub's API describes it (`/api/models`), with the facts derived from that.

Don't rely on anything in it: most comes from the front matter of model cards.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from app.core.errors import AppError
from app.core.hub_events import WeightFormat
from app.hub.reference import parse_reference

_FORMATS: tuple[WeightFormat, ...] = ("safetensors", "gguf")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_LONGEST_LANGUAGE = 8
_LARGEST_NUMBER = 10**15
_TEMPLATE = "chat_template.jinja"
_BASE_MODEL = "base_model:"
_LICENSE = "license:"
_Fields = dict[str, Any]


class ModelRecord(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A description; its fields depend on the request."""

    id: str
    sha: str | None = None
    gated: bool | str | None = None
    downloads: int | None = None
    likes: int | None = None
    last_modified: str | None = None
    pipeline_tag: str | None = msgspec.field(default=None, name="pipeline_tag")
    library: str | None = msgspec.field(default=None, name="library_name")
    tags: tuple[str, ...] | None = None
    card: Any = msgspec.field(default=None, name="cardData")
    config: Any = None
    safetensors: Any = None
    gguf: Any = None
    siblings: list[Any] | None = None

    @property
    def is_gated(self) -> bool:
        """True if the owner asks users to accept terms."""
        return bool(self.gated)

    @property
    def updated(self) -> str:
        """The date of the last change as YYYY-MM-DD, empty if unknown."""
        found = _DATE.match(self.last_modified or "")
        return found[0] if found else ""

    @property
    def formats(self) -> tuple[WeightFormat, ...]:
        """The formats of the weights."""
        known = {"safetensors": self.safetensors, "gguf": self.gguf}
        return tuple(one for one in _FORMATS if one in (self.tags or ()) or known[one])

    @property
    def parameters(self) -> int:
        """The number of parameters, 0 if the Hub doesn't know."""
        totals = (fields_of(part).get("total") for part in (self.safetensors, self.gguf))
        return next((one for total in totals if (one := number_of(total))), 0)

    @property
    def license(self) -> str:
        """The name of the license, such as `apache-2.0`."""
        card = fields_of(self.card)
        given = (card.get("license_name"), card.get("license"))
        tags = [tag.removeprefix(_LICENSE) for tag in self.tags or () if tag.startswith(_LICENSE)]
        return next((one for one in (*given, *tags) if isinstance(one, str) and one), "")

    @property
    def license_link(self) -> str:
        """The address of the license, or a path in the repository; empty if none is given."""
        link = fields_of(self.card).get("license_link")
        return link if isinstance(link, str) else ""

    @property
    def languages(self) -> tuple[str, ...]:
        """The codes of the languages that the model knows."""
        given = texts_of(fields_of(self.card).get("language"))
        return tuple(code for code in given if len(code) <= _LONGEST_LANGUAGE)

    @property
    def base_models(self) -> tuple[str, ...]:
        """The repositories that this model was made from, as `owner/name`."""
        given = texts_of(fields_of(self.card).get("base_model"))
        tags = (tag.rpartition(":")[2] for tag in self.tags or () if tag.startswith(_BASE_MODEL))
        return tuple(dict.fromkeys(name for name in (*given, *tags) if is_repository(name)))

    @property
    def architecture(self) -> str:
        """The class in `config.json`, or else the name in the GGUF file; empty if unknown."""
        classes = texts_of(fields_of(self.config).get("architectures"))
        name = fields_of(self.gguf).get("architecture")
        return next(iter(classes), name if isinstance(name, str) else "")

    @property
    def context(self) -> int:
        """The context that the GGUF file was trained for, in tokens; 0 if unknown."""
        return number_of(fields_of(self.gguf).get("context_length"))

    @property
    def has_chat_template(self) -> bool:
        """True if the model comes with a chat template."""
        config = fields_of(self.config)
        tokenizer = fields_of(config.get("tokenizer_config"))
        return (
            "conversational" in (self.tags or ())
            or bool(fields_of(self.gguf).get("chat_template"))
            or bool(config.get("chat_template_jinja") or tokenizer.get("chat_template"))
            or any(fields_of(one).get("rfilename") == _TEMPLATE for one in self.siblings or ())
        )


def read_record(content: bytes) -> ModelRecord:
    """Read the description of one model.

    Raises:
        ValueError: it is none.
    """
    return _checked(msgspec.json.decode(content, type=ModelRecord))


def read_records(content: bytes) -> list[ModelRecord]:
    """Read a list of descriptions; leave out invalid ones.

    Raises:
        ValueError: it is no list, or nothing in it is a description.
    """
    parts = msgspec.json.decode(content, type=list[msgspec.Raw])
    records = list(_readable(parts))
    if parts and not records:
        raise ValueError(content[:100])
    return records


def is_repository(name: str) -> bool:
    """Return whether a text has the form `owner/name`."""
    try:
        return parse_reference(name).repository == name
    except AppError:
        return False


def fields_of(value: object) -> _Fields:
    """Return an object's fields; none if it isn't an object."""
    return value if isinstance(value, dict) else {}


def texts_of(value: object) -> list[str]:
    """Return the texts of a list, or the one text given in its place."""
    values = value if isinstance(value, list) else [value]
    return [one for one in values if isinstance(one, str) and one]


def number_of(value: object) -> int:
    """Return a whole number above 0; 0 if it isn't one."""
    return value if type(value) is int and 0 < value < _LARGEST_NUMBER else 0


def _readable(parts: Iterable[msgspec.Raw]) -> Iterable[ModelRecord]:
    for part in parts:
        try:
            yield read_record(bytes(part))
        except ValueError:
            continue


def _checked(record: ModelRecord) -> ModelRecord:
    if not is_repository(record.id):
        raise ValueError(record.id)
    return record
