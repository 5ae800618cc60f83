from __future__ import annotations

from typing import Annotated, Literal

import msgspec
import pytest
from msgspec import Meta

from app.core.load_options import CACHE_TYPES, LOAD_FIELDS, LoadOptions
from app.core.option_fields import form_hints, option_fields


class Options(msgspec.Struct):
    wheels: Annotated[
        Annotated[int, Meta(ge=1, le=9)] | None,
        form_hints("Mill", step=2),
        Meta(title="Wheels", description="Their number."),
    ] = None
    power: Annotated[
        Literal["water", "air"],
        form_hints(labels={"water": "River", "air": "Wind"}),
        Meta(title="Power"),
    ] = "water"
    shares: tuple[Annotated[float, Meta(ge=0, le=10)], ...] = ()
    is_open: bool = True
    name: str = ""


def test_a_field_has_its_texts_bounds_and_choices() -> None:
    fields = option_fields(Options)
    wheels = fields["wheels"]
    assert (wheels.kind, wheels.minimum, wheels.maximum, wheels.step) == (
        "automatic_number",
        1,
        9,
        2,
    )
    assert (wheels.section, wheels.title) == ("Mill", "Wheels")
    assert wheels.description == "Their number."
    assert fields["power"].choices == (("water", "River"), ("air", "Wind"))
    assert (fields["shares"].kind, fields["shares"].maximum) == ("numbers", 10)
    assert fields["is_open"].kind == "switch"
    assert (fields["name"].kind, fields["name"].title) == ("other", "")


def test_a_name_that_is_no_field() -> None:
    with pytest.raises(KeyError):
        option_fields(Options)["nothing"]


def test_every_load_option_has_a_section_and_a_kind_that_a_form_shows() -> None:
    fields = option_fields(LoadOptions)
    assert tuple(fields) == LOAD_FIELDS
    assert all(field.section and field.kind != "other" for field in fields.values())
    assert tuple(value for value, _ in fields["cache_type_k"].choices) == CACHE_TYPES
