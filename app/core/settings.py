"""User settings: one frozen value, saved atomically; each field declares its bounds and texts.

The fields' titles and descriptions are shown on the Settings page and in the schema.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from app.core import paths
from app.core.chat_settings import LONGEST_SYSTEM_PROMPT, NOTHING_CHOSEN, ChatSettings
from app.core.errors import ErrorDetails, NoticeCode
from app.core.events import NoticeReported
from app.core.files import replace
from app.core.json_store import JsonStore
from app.core.language import tr
from app.core.load_options import LoadOptions, load_options_of
from app.core.option_fields import form_hints

Theme = Literal["system", "light", "dark"]
ContextOverflow = Literal["stop", "shift"]
"""Behavior when the context fills up during a reply: end it, or drop the oldest tokens."""


class Settings(LoadOptions, frozen=True, kw_only=True):
    """All settings with their defaults; the load options apply to models without their own.

    `model_options` maps the path of a model's first file to its options, `presets` the names that
    the user chose to options. `last_model` is the path of the model that was loaded last.
    `added_models` are files and folders besides the model folder, and `shown_programs` the names of
    other programs whose models are also listed.
    `chat_defaults` are what new chats start with, except for the system prompt; `lists_chats` is
    False while the list of chats is folded.
    """

    version: int = 1
    workers: Annotated[
        tuple[str, ...],
        Meta(
            title=tr("Workers"),
            description=tr(
                "Other machines that run a Gristmill worker and take layers, too: host:port of "
                "each, separated by spaces."
            ),
        ),
    ] = ()
    models_folder: Annotated[
        str | None,
        Meta(
            title=tr("Model folder"),
            description=tr(
                "Where your GGUF files are, including subfolders. Nothing in it is moved or "
                "renamed."
            ),
        ),
    ] = None
    download_speed_limit: Annotated[
        int,
        Meta(
            ge=0,
            le=10_000,
            title=tr("Download speed limit"),
            description=tr(
                "In megabytes per second, for each download that starts from now on; 0: no limit."
            ),
        ),
    ] = 0
    added_models: tuple[str, ...] = ()
    shown_programs: tuple[str, ...] = ()
    parallel_downloads: Annotated[
        int,
        Meta(
            ge=1,
            le=4,
            title=tr("Simultaneous downloads"),
            description=tr("The others wait. Downloads to the same folder always take turns."),
        ),
    ] = 2
    resumes_downloads: Annotated[
        bool,
        Meta(
            title=tr("Resume downloads at startup"),
            description=tr(
                "Downloads that were running or waiting when the program ended resume by "
                "themselves. Paused ones stay paused."
            ),
        ),
    ] = True
    local_only: Annotated[
        bool,
        Meta(
            title=tr("Local only"),
            description=tr(
                "Never connect to the internet: no searches, no downloads. Only servers that you "
                "add yourself are contacted."
            ),
        ),
    ] = False
    last_model: str = ""
    model_options: dict[str, LoadOptions] = msgspec.field(default_factory=dict)
    presets: dict[str, LoadOptions] = msgspec.field(default_factory=dict)
    converter_folder: Annotated[
        str | None,
        Meta(
            title=tr("llama.cpp checkout"),
            description=tr("Use the converter from this folder instead of the built-in one."),
        ),
    ] = None
    quantizes_by_reference: Annotated[
        bool,
        Meta(
            title=tr("Reference quantization"),
            description=tr(
                "Quantize with ggml's own code instead of the fast kernels. The files are the "
                "same to the byte, but it takes several times as long."
            ),
        ),
    ] = False
    context_overflow: Annotated[
        ContextOverflow,
        form_hints(labels={"stop": tr("Stop"), "shift": tr("Drop oldest messages")}),
        Meta(
            title=tr("When the context is full"),
            description=tr(
                "Stop the reply, or continue while the model forgets the oldest part of the "
                "conversation."
            ),
        ),
    ] = "stop"
    system_prompt: Annotated[
        str,
        Meta(
            max_length=LONGEST_SYSTEM_PROMPT,
            title=tr("System prompt"),
            description=tr("Instructions for the model at the start of every conversation."),
        ),
    ] = ""
    chat_defaults: ChatSettings = NOTHING_CHOSEN
    lists_chats: bool = True
    shares_model: Annotated[
        bool,
        Meta(
            title=tr("Share the loaded model"),
            description=tr(
                "Let programs on this machine use it, at an address that stays the same."
            ),
        ),
    ] = False
    share_port: Annotated[
        int,
        Meta(
            ge=1024, le=65_535, title=tr("Port"), description=tr("Programs connect to this port.")
        ),
    ] = 7847
    share_origins: Annotated[
        tuple[str, ...],
        Meta(
            title=tr("Web pages"),
            description=tr(
                "Let web pages from these origins use it, such as http://localhost:3000; separate "
                "several with spaces."
            ),
        ),
    ] = ()
    shares_in_network: Annotated[
        bool,
        Meta(
            title=tr("Other machines"),
            description=tr(
                "Let other machines on your network use it. They need the API key, but traffic is "
                "not encrypted."
            ),
        ),
    ] = False
    reply_slots: Annotated[
        int,
        Meta(
            ge=1,
            le=64,
            title=tr("Parallel replies"),
            description=tr(
                "How many replies can be written at the same time. They share the context."
            ),
        ),
    ] = 4
    theme: Annotated[
        Theme,
        form_hints(labels={"system": tr("System"), "light": tr("Light"), "dark": tr("Dark")}),
        Meta(title=tr("Theme"), description=tr("Follow the system, or always use light or dark.")),
    ] = "system"

    def options_for(self, model: Path) -> LoadOptions:
        """Return a model's own load options, or else the general ones."""
        return self.model_options.get(str(model)) or load_options_of(self)

    def models_path(self) -> Path:
        """Return the model folder."""
        return Path(self.models_folder) if self.models_folder else paths.default_models_folder()

    def download_bytes_per_second(self) -> int:
        """Return the speed limit of downloads; 0 is none."""
        return self.download_speed_limit * 10**6

    def search_paths(self) -> tuple[Path, ...]:
        """Return where to look for models: the model folder, and added files and folders."""
        return (self.models_path(), *map(Path, self.added_models))


def load_settings() -> tuple[Settings, NoticeReported | None]:
    """Return the saved settings, and a notice if defaults replace invalid ones.

    A file with invalid values is copied to `.bad`, an unreadable one moved there.
    """
    store = _store()
    settings, notice = store.salvage_with_notice()
    if settings is None and store.file.exists():
        details: ErrorDetails = {"file": str(_kept_aside(store.file))}
        notice = NoticeReported(NoticeCode.SETTINGS_RESET, details)
    return settings or Settings(), notice


def _kept_aside(file: Path) -> Path:
    kept = file.with_name(file.name + ".bad")
    try:
        replace(file, kept)
    except OSError:
        return file
    return kept


def save_settings(settings: Settings) -> None:
    """Save all settings, or leave the old file untouched."""
    _store().write(settings)


def _store() -> JsonStore[Settings]:
    return JsonStore(paths.settings_file(), Settings, indented=True)
