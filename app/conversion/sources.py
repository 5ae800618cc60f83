"""Sources of conversions: each kind checks itself and lays itself out for the writer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from app.checkpoint.adapter import read_adapter
from app.checkpoint.checks import check_files, code_check
from app.checkpoint.config import read_config
from app.checkpoint.folder_kind import is_adapter
from app.conversion.converter import bridge, lora_layout
from app.conversion.converter.architectures import require_known_architecture
from app.conversion.converter.converter_process import activate_converter
from app.conversion.converter.transformers_choice import Transformers, transformers_for, trying_both
from app.conversion.converter.vocabulary_prefetch import VocabularyPrefetch
from app.conversion.gguf_source import lay_out_gguf
from app.conversion.layout.layout import Layout
from app.core.errors import AppError, ErrorCode
from app.core.events import Checked, Subject
from app.core.language import tr
from app.core.levels import FORMAT_PRESERVING_LEVELS, LEVELS, SPECIAL_LEVELS, Level
from app.core.names import file_name_from
from app.core.sizes import format_bytes
from app.gguf_file.detection import is_gguf_file
from app.gguf_file.model_info import read_model_info
from app.library.unfinished_downloads import unfinished_in

Levels = Sequence[Level]
_ALL_LEVELS = (*LEVELS, *SPECIAL_LEVELS, *FORMAT_PRESERVING_LEVELS)
_PLAIN_LEVELS = tuple(level for level in LEVELS if level.name in {"F32", "F16", "BF16", "Q8_0"})
"""Those that the converter itself writes, without llama.cpp's quantizer."""


@dataclass(frozen=True)
class LaidOut:
    """A layout and the levels that can be made from it.

    With `has_final_types` its types are those of the one level already. `transformers` is the
    version that read it; None where that was not needed.
    """

    layout: Layout
    levels: Levels
    has_final_types: bool = False
    transformers: Transformers | None = None
    checkpoint: Path | None = None


class Source(Protocol):
    """A kind of source; `checks` covers all that needs neither the converter nor the weights."""

    @property
    def levels(self) -> Levels:
        """The levels that this kind can be converted to."""

    def file_name(self, level: Level) -> str:
        """Return the usual name of the file for a level."""

    def checks(self, converter: Path, /) -> Iterator[Checked]:
        """Yield findings and faults, one line each."""

    def layouts(self, levels: Levels, converter: Path) -> Iterator[LaidOut]:
        """Return the model's layouts, each level being in exactly one; raises `AppError`."""


def source_at(
    path: Path,
    *,
    is_projector: bool = False,
    allows_pickle: bool = False,
    base: Path | None = None,
) -> Source:
    """Return the source at a path: a GGUF file, an adapter, or a checkpoint.

    Args:
        path: A file or folder.
        is_projector: Of a checkpoint take the multimodal projector, not the language model.
        allows_pickle: The user agreed to read weights in pickle files.
        base: For an adapter, the folder of the model that it belongs to.

    Raises:
        AppError: `download_unfinished`.
    """
    if is_gguf_file(path):
        return GgufSource(path)
    if unfinished := unfinished_in(path):
        repository = unfinished[0].note.request.repository
        raise AppError(ErrorCode.DOWNLOAD_UNFINISHED, repository=repository)
    if is_adapter(path):
        return AdapterSource(path, base, allows_pickle)
    if is_projector:
        return ProjectorSource(path, allows_pickle)
    return CheckpointSource(path, allows_pickle)


@dataclass(frozen=True)
class CheckpointSource:
    """A Hugging Face checkpoint's language model; its `vocabulary` may still be loading."""

    folder: Path
    allows_pickle: bool = False
    vocabulary: VocabularyPrefetch | None = None

    @property
    def levels(self) -> Levels:
        """All of them."""
        return _ALL_LEVELS

    def file_name(self, level: Level) -> str:
        """Return the folder's name with the level."""
        return f"{_name_of(self.folder)}-{level.name}.gguf"

    def checks(self, converter: Path, /) -> Iterator[Checked]:
        """Yield the checks of the files, the weights, the code and the architecture."""
        yield from check_files(self.folder, allows_pickle=self.allows_pickle)
        yield from _architecture_faults(self.folder, converter)

    def layouts(self, levels: Levels, converter: Path) -> Iterator[LaidOut]:
        """Yield a single layout for all levels."""
        transformers = transformers_for(self.folder)
        activate_converter(converter, transformers)
        with trying_both(transformers):
            layout = bridge.lay_out(self.folder, self.vocabulary)
        yield LaidOut(layout, levels, transformers=transformers, checkpoint=self.folder)


@dataclass(frozen=True)
class ProjectorSource:
    """The vision or audio part of a multimodal checkpoint, as a separate file."""

    folder: Path
    allows_pickle: bool = False

    @property
    def levels(self) -> Levels:
        """The levels that the converter writes itself."""
        return _PLAIN_LEVELS

    def file_name(self, level: Level) -> str:
        """Return the name in llama.cpp's convention for projectors."""
        return f"mmproj-{_name_of(self.folder)}-{level.name}.gguf"

    def checks(self, converter: Path, /) -> Iterator[Checked]:
        """Yield the language model's checks, but against the converter's list of projectors."""
        yield from check_files(self.folder, allows_pickle=self.allows_pickle)
        yield from _architecture_faults(self.folder, converter, is_projector=True)

    def layouts(self, levels: Levels, converter: Path) -> Iterator[LaidOut]:
        """Yield one layout for each level: the converter chooses the types."""
        transformers = transformers_for(self.folder)
        activate_converter(converter, transformers)
        for level in levels:
            with trying_both(transformers):
                layout = bridge.lay_out_projector(self.folder, level)
            yield LaidOut(layout, (level,), has_final_types=True, transformers=transformers)


@dataclass(frozen=True)
class AdapterSource:
    """A PEFT LoRA adapter; it needs the configuration of its base model."""

    folder: Path
    base: Path | None
    allows_pickle: bool = False

    @property
    def levels(self) -> Levels:
        """The levels that the converter writes itself."""
        return _PLAIN_LEVELS

    def file_name(self, level: Level) -> str:
        """Return the name under the GGUF naming convention."""
        return f"{_name_of(self.folder)}-{level.name}-LoRA.gguf"

    def checks(self, converter: Path, /) -> Iterator[Checked]:
        """Yield the checks of the adapter's file and of its base model."""
        try:
            tensors = read_adapter(self.folder, allows_pickle=self.allows_pickle)
            size = format_bytes(sum(tensor.size_bytes for tensor in tensors.values()))
            if tensors:
                finding = tr(
                    "a LoRA adapter, {count} tensors, {size}", count=len(tensors), size=size
                )
            else:
                finding = tr("a LoRA adapter, a pickle file")
            yield Checked("weights", finding)
        except AppError as error:
            yield _fault("weights", error)
        yield code_check(self.folder)
        try:
            base = lora_layout.find_base(self.folder, self.base)
            yield Checked("base", str(base.resolve()))
            yield from _architecture_faults(base, converter)
        except AppError as error:
            yield _fault("base", error)

    def layouts(self, levels: Levels, converter: Path) -> Iterator[LaidOut]:
        """Yield one layout for each level: the converter chooses the types."""
        base = lora_layout.find_base(self.folder, self.base)
        transformers = transformers_for(base)
        activate_converter(converter, transformers)
        for level in levels:
            with trying_both(transformers):
                layout = lora_layout.lay_out_adapter(self.folder, base, level, converter)
            yield LaidOut(layout, (level,), has_final_types=True, transformers=transformers)


@dataclass(frozen=True)
class GgufSource:
    """A GGUF file, to be quantized to another level."""

    file: Path

    @property
    def levels(self) -> Levels:
        """All of them."""
        return _ALL_LEVELS

    def file_name(self, level: Level) -> str:
        """Return the file's name with another level in it."""
        return f"{file_name_from(read_model_info(self.file).name)}-{level.name}.gguf"

    def checks(self, _: Path, /) -> Iterator[Checked]:
        """Yield the checks of the header and of the weights' types."""
        try:
            facts = read_model_info(self.file)
            layout = lay_out_gguf(self.file)
            size = format_bytes(facts.size_bytes)
            yield Checked("files", tr("{count} GGUF, {size}", count=len(facts.files), size=size))
            words = tr(
                "{parameters} parameters in {type}",
                parameters=f"{layout.parameters:,}",
                type=facts.level or tr("several types"),
            )
            yield Checked("weights", words)
        except AppError as error:
            yield _fault("weights", error)

    def layouts(self, levels: Levels, converter: Path) -> Iterator[LaidOut]:
        """Yield a single layout for all levels."""
        activate_converter(converter)
        yield LaidOut(lay_out_gguf(self.file), levels)


def _architecture_faults(
    folder: Path, converter: Path, *, is_projector: bool = False
) -> Iterator[Checked]:
    try:
        config = read_config(folder)
    except AppError:
        # The files' checks have said so.
        return
    try:
        require_known_architecture(config, converter, is_projector=is_projector)
    except AppError as error:
        yield _fault("architecture", error)


def _fault(subject: Subject, error: AppError) -> Checked:
    return Checked(subject, "", error.code, error.details)


def _name_of(folder: Path) -> str:
    return file_name_from(folder.resolve().name)
