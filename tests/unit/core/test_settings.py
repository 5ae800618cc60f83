"""The settings: saved whole, read whatever is there."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.core import paths
from app.core.errors import AppError, ErrorCode, NoticeCode
from app.core.load_options import LoadOptions
from app.core.option_fields import option_fields
from app.core.settings import Settings, load_settings, save_settings

_CHOSEN = Settings(gpu_layers=20, threads=4, context=8192, models_folder="/models", theme="dark")


def test_defaults_when_nothing_was_saved() -> None:
    assert load_settings() == (Settings(), None)
    assert Settings().models_path() == paths.default_models_folder()


def test_what_is_saved_is_loaded() -> None:
    save_settings(_CHOSEN)
    assert load_settings() == (_CHOSEN, None)
    assert _CHOSEN.models_path() == Path("/models")


def test_a_setting_of_a_newer_version_is_passed_over() -> None:
    paths.settings_file().write_text('{"context": 512, "something_new": [1, 2]}')
    assert load_settings() == (Settings(context=512), None)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 512,
        b"{",
        b"[]",
        b'{"models_folder": "\xff"}',
        b'{"x":' + b"[" * 200_000,
    ],
    ids=["empty", "zeros", "cut", "list", "not-utf-8", "deep"],
)
def test_a_damaged_file_is_kept_aside(content: bytes) -> None:
    paths.settings_file().write_bytes(content)
    settings, notice = load_settings()
    assert settings == Settings()
    assert notice is not None
    assert notice.code is NoticeCode.SETTINGS_RESET
    assert Path(str(notice.details["file"])).read_bytes() == content
    assert load_settings() == (Settings(), None)


_WITH_ONE_BAD = [
    ({"context": 1}, "context"),
    ({"theme": "purple"}, "theme"),
    ({"reply_slots": "four"}, "reply_slots"),
    ({"device_shares": [1, "x"]}, "device_shares"),
    ({"system_prompt": None}, "system_prompt"),
    ({"presets": 5}, "presets"),
]


@pytest.mark.parametrize(("bad", "name"), _WITH_ONE_BAD)
def test_a_value_that_is_not_understood_falls_back_alone(bad: dict[str, Any], name: str) -> None:
    content = json.dumps({"threads": 3, "workers": ["a:1"], **bad}).encode()
    paths.settings_file().write_bytes(content)
    settings, notice = load_settings()
    assert settings == Settings(threads=3, workers=("a:1",))
    assert notice is not None
    assert notice.code is NoticeCode.VALUES_LEFT_OUT
    assert (notice.details["file"], notice.details["names"]) == ("settings.json", name)
    assert paths.settings_file().read_bytes() == content
    save_settings(settings)
    assert Path(str(notice.details["kept"])).read_bytes() == content
    assert load_settings() == (settings, None)


def test_the_options_of_models_and_presets_stay_but_for_one_value() -> None:
    whole = {
        "added_models": ["/a", 5, "/b"],
        "model_options": {"/a.gguf": {"context": 8192, "threads": 0}, "/b.gguf": 7},
        "presets": {"fast": {"micro_batch": 1024, "memory_map": "maybe"}, "slow": {"threads": 1}},
    }
    paths.settings_file().write_text(json.dumps(whole))
    settings, notice = load_settings()
    assert settings.added_models == ("/a", "/b")
    assert settings.model_options == {"/a.gguf": LoadOptions(context=8192)}
    assert settings.presets == {
        "fast": LoadOptions(micro_batch=1024),
        "slow": LoadOptions(threads=1),
    }
    assert notice is not None
    assert set(str(notice.details["names"]).split(", ")) == {
        "added_models.2",
        "model_options./a.gguf.threads",
        "model_options./b.gguf",
        "presets.fast.memory_map",
    }


def test_the_program_starts_even_when_the_name_is_taken_by_a_folder() -> None:
    for _ in range(2):
        (paths.settings_file() / "something").mkdir(parents=True)
        settings, notice = load_settings()
        assert settings == Settings()
        assert notice is not None


def test_flipped_bytes_never_keep_the_program_from_starting() -> None:
    save_settings(_CHOSEN)
    whole = paths.settings_file().read_bytes()
    draw = random.Random(7)
    for _ in range(100):
        content = bytearray(whole)
        for _ in range(draw.randint(1, 8)):
            content[draw.randrange(len(content))] = draw.randrange(256)
        paths.settings_file().write_bytes(content)
        settings, _ = load_settings()
        # Whatever was accepted is within the bounds.
        msgspec.convert(msgspec.to_builtins(settings), Settings)


def test_settings_that_can_t_be_saved_leave_the_old_ones() -> None:
    save_settings(_CHOSEN)
    busy = paths.settings_file().with_name("settings.json.part")
    busy.write_bytes(b"of someone else")
    with pytest.raises(AppError) as caught:
        save_settings(Settings())
    assert caught.value.code is ErrorCode.FILE_BUSY
    assert load_settings() == (_CHOSEN, None)
    assert busy.read_bytes() == b"of someone else"


_NOT_FOR_SHOW = {
    "version",
    "added_models",
    "shown_programs",
    "last_model",
    "model_options",
    "presets",
    "chat_defaults",
    "lists_chats",
}


@pytest.mark.parametrize("name", sorted(set(Settings.__struct_fields__) - _NOT_FOR_SHOW))
def test_every_setting_has_a_title_and_a_description(name: str) -> None:
    field = option_fields(Settings)[name]
    assert field.title
    assert field.description.endswith(".")


@pytest.mark.parametrize("name", sorted(_NOT_FOR_SHOW))
def test_a_value_that_the_program_keeps_for_itself_has_no_title(name: str) -> None:
    field = option_fields(Settings)[name]
    assert (field.title, field.description) == ("", "")
