"""What a person can set: one frozen value, saved atomically; each field states its bounds and text.

The titles and descriptions of the fields are shown on the Settings page and end up in the schema.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from app.core import paths
from app.core.errors import ErrorDetails, NoticeCode
from app.core.events import Noticed
from app.core.files import replace, write_atomically
from app.core.language import tr
from app.core.load_options import LoadOptions, load_options_of
from app.core.option_fields import form_hints
from app.core.salvage import left_out, salvaged

_LONGEST_PROMPT = 2**20

Theme = Literal["system", "light", "dark"]
ContextOverflow = Literal["stop", "shift"]
"""What happens when the context is full in the middle of a reply: it ends, or the oldest go."""


class Settings(LoadOptions, frozen=True, kw_only=True):
    """All settings with their defaults; the load options are those of models without their own.

    `model_options` has the options of single models by the path of their first file, `presets`
    those that a person gave a name.
    """

    version: int = 1
    workers: Annotated[
        tuple[str, ...],
        Meta(
            title="Workers",
            description="Other machines whose devices take layers, too: the host and port of "
            "each “gristmill worker”, separated by spaces.",
        ),
    ] = ()
    models_folder: Annotated[
        str | None,
        Meta(
            title="Model folder",
            description="Where GGUF files are kept. Subfolders are searched too; "
            "nothing in it is moved or renamed.",
        ),
    ] = None
    added_models: tuple[str, ...] = ()
    model_options: dict[str, LoadOptions] = msgspec.field(default_factory=dict)
    presets: dict[str, LoadOptions] = msgspec.field(default_factory=dict)
    converter_folder: Annotated[
        str | None,
        Meta(
            title="llama.cpp checkout",
            description="Take the converter from this folder instead of the one that came "
            "with the engine.",
        ),
    ] = None
    quantizes_by_reference: Annotated[
        bool,
        form_hints(label=tr("Use it")),
        Meta(
            title="Reference quantization",
            description="Quantize with ggml's own code instead of the fast kernels. "
            "The files are the same to the byte; it takes several times as long.",
        ),
    ] = False
    context_overflow: Annotated[
        ContextOverflow,
        form_hints(labels={"stop": tr("End"), "shift": tr("Continue")}),
        Meta(
            title="When the context is full",
            description="The reply ends there and says so, or it goes on and the model forgets "
            "the oldest part of the conversation.",
        ),
    ] = "stop"
    system_prompt: Annotated[
        str,
        Meta(
            max_length=_LONGEST_PROMPT,
            title="System prompt",
            description="What the model is told before every conversation.",
        ),
    ] = ""
    shares_model: Annotated[
        bool,
        form_hints(label=tr("Share it")),
        Meta(
            title="Share the loaded model",
            description="Programs on this machine may use it, at an address and with a key that "
            "stay the same.",
        ),
    ] = False
    share_port: Annotated[
        int,
        Meta(ge=1024, le=65_535, title="Port", description="Where the programs find it."),
    ] = 7847
    share_origins: Annotated[
        tuple[str, ...],
        Meta(
            title="Web pages",
            description="Pages of these origins may ask, too, such as http://localhost:3000; "
            "several are separated by spaces.",
        ),
    ] = ()
    shares_in_network: Annotated[
        bool,
        form_hints(label=tr("Let them in")),
        Meta(
            title="Other machines",
            description="Whoever is in the same network and has the key may use it; what is said "
            "goes through that network unencrypted.",
        ),
    ] = False
    reply_slots: Annotated[
        int,
        Meta(
            ge=1,
            le=64,
            title="Replies at once",
            description="How many programs or chats get their reply at the same time; they share "
            "the context.",
        ),
    ] = 4
    theme: Annotated[
        Theme,
        form_hints(labels={"system": tr("System"), "light": tr("Light"), "dark": tr("Dark")}),
        Meta(title="Theme", description="Light, dark, or as the system has it."),
    ] = "system"

    def options_for(self, model: Path) -> LoadOptions:
        """How a model is loaded: as it was set for it, else as for all."""
        return self.model_options.get(str(model)) or load_options_of(self)

    def models_path(self) -> Path:
        """The folder where models are kept."""
        return Path(self.models_folder) if self.models_folder else paths.default_models_folder()

    def searched_paths(self) -> tuple[Path, ...]:
        """Where to look for models: the model folder, and the files and folders that were added."""
        return (self.models_path(), *map(Path, self.added_models))


def load_settings() -> tuple[Settings, Noticed | None]:
    """The saved settings; of those that can't be understood the defaults, which the notice says.

    A file that can't be read at all is moved aside to `.bad`, one with such values copied there.
    """
    file = paths.settings_file()
    try:
        content = file.read_bytes()
        settings, names = salvaged(content, Settings)
    except FileNotFoundError:
        return Settings(), None
    except (OSError, ValueError, RecursionError):
        facts: ErrorDetails = {"file": str(_kept_aside(file))}
        return Settings(), Noticed(NoticeCode.SETTINGS_RESET, facts)
    return settings, left_out(file, content, names)


def _kept_aside(file: Path) -> Path:
    kept = file.with_name(file.name + ".bad")
    try:
        replace(file, kept)
    except OSError:
        return file
    return kept


def save_settings(settings: Settings) -> None:
    """Save whole, or keep what was there."""
    encoded = msgspec.json.format(msgspec.json.encode(settings), indent=2)
    write_atomically(paths.settings_file(), encoded + b"\n")
