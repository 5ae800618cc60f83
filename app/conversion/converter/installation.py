"""Install llama.cpp's converter from the source distribution of the exact engine installed.

Next to it are the packages that this converter is written against, of which transformers matters
most: another version reads some checkpoints otherwise, or not at all.
"""

from __future__ import annotations

import os
import re
import shutil
import tarfile
from importlib import metadata
from pathlib import Path

from app.core import files, paths
from app.core.errors import AppError, ErrorCode
from app.core.language import tr
from app.core.names import path_inside
from app.core.resources import packaged_folders, resource
from app.core.settings import Settings
from app.jobs.components import Package, PinnedPackages, fetched, install
from app.jobs.reporter import Reporter

_ENGINE = "llama-cpp-python"
_COMPONENT = tr("the converter")
_PACKAGES = tr("the converter's packages")
_PACKAGES_BYTES = 135 * 2**20
_REQUIREMENTS = "requirements/requirements-convert_legacy_llama.txt"
# Size in bytes and SHA-256 of each engine version's source distribution.
_SOURCES = {
    "0.3.36": (76_589_250, "832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e"),
}
_WANTED = re.compile(
    r"conversion/.+|gguf-py/gguf/.+|convert_(hf|lora)_to_gguf\.py|LICENSE"
    r"|models/ggml-vocab-[^/]+\.gguf|models/templates/[^/]+|tests/snapshots/[^/]+"
    rf"|{re.escape(_REQUIREMENTS)}"
)


def installed_engine_version() -> str:
    """Return the version of llama-cpp-python that is installed.

    Raises:
        AppError: `engine_missing`.
    """
    try:
        return metadata.version(_ENGINE)
    except metadata.PackageNotFoundError as error:
        raise AppError(ErrorCode.ENGINE_MISSING, reason=tr("no such package")) from error


def converter_folder(settings: Settings) -> Path:
    """Return the llama.cpp checkout to convert with: the user's own, else the installed one.

    Raises:
        AppError: `converter_missing`, `converter_folder_unfit`, `engine_missing`.
    """
    own = settings.converter_folder
    if own and not holds_converter(Path(own).expanduser()):
        raise AppError(ErrorCode.CONVERTER_FOLDER_UNFIT, folder=own)
    folder = Path(own).expanduser() if own else _first_converter(_own_folders())
    if folder is None or _first_folder(_package_folders()) is None:
        raise AppError(ErrorCode.CONVERTER_MISSING)
    return folder


def pinned_packages_folder() -> Path:
    """Return the folder of the packages that the installed engine's converter pins.

    Raises:
        AppError: `converter_missing`, `engine_missing`.
    """
    folder = _first_folder(_package_folders())
    if folder is None:
        raise AppError(ErrorCode.CONVERTER_MISSING)
    return folder


def pinned_version(package: str) -> str:
    """Return the version of a package that the installed engine's converter pins.

    Raises:
        AppError: `component_unreachable`, `engine_missing`.
    """
    found = re.search(rf"^{re.escape(package)}==(\S+)", _requirements().read_text("utf-8"), re.M)
    if found is None:
        raise ValueError(package)
    return found[1]


def holds_converter(folder: Path) -> bool:
    """Return whether `folder` is a llama.cpp checkout with the converter as a package."""
    return (folder / "conversion" / "__init__.py").is_file() and (
        folder / "gguf-py" / "gguf"
    ).is_dir()


def install_converter(reporter: Reporter) -> Path:
    """Download the converter of the installed engine and its packages, where they are missing.

    Raises:
        AppError: `component_unreachable`, `component_damaged`, `engine_missing`, and what
            `app.jobs.components.fetched` raises.
    """
    if _first_folder(_package_folders()) is None:
        packages = PinnedPackages(_PACKAGES, _requirements(), _PACKAGES_BYTES)
        install(packages, _package_folders()[0], reporter)
    present = _first_converter(_own_folders())
    if present is not None and (present / _REQUIREMENTS).is_file():
        return present
    folder = _installed_folder()
    with fetched(_source_of(installed_engine_version()), reporter) as archive:
        tree = archive.parent / "converter"
        unpack_converter(archive, tree)
        if not holds_converter(tree):
            raise AppError(ErrorCode.COMPONENT_DAMAGED, component=_COMPONENT.capitalize())
        folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        files.replace(tree, folder)
    return folder


def unpack_converter(archive: Path, folder: Path) -> None:
    """Unpack the converter's part of a source distribution into `folder`: plain files only.

    Raises:
        AppError: `unsafe_name`.
    """
    with tarfile.open(archive, "r|gz") as source:
        for member in source:
            _, _, name = member.name.partition("/vendor/llama.cpp/")
            content = source.extractfile(member) if member.isreg() else None
            if content is None or not _WANTED.fullmatch(name):
                continue
            path = path_inside(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            with content, path.open("xb") as file:
                shutil.copyfileobj(content, file)
                file.flush()
                os.fsync(file.fileno())


def _installed_folder() -> Path:
    return paths.converters_folder() / installed_engine_version()


def _own_folders() -> list[Path]:
    return [_installed_folder(), *packaged_folders("converter")]


def _package_folders() -> list[Path]:
    installed = paths.converter_packages_folder() / installed_engine_version()
    return [installed, *packaged_folders("converter-packages")]


def _requirements() -> Path:
    """Return the pinned packages and their checksums, as a file for pip."""
    version = installed_engine_version()
    file = resource("converter", f"{version}.txt")
    if not file.is_file():
        raise _without_checksum(_PACKAGES, version)
    return file


def _first_folder(folders: list[Path]) -> Path | None:
    return next((folder for folder in folders if folder.is_dir()), None)


def _first_converter(folders: list[Path]) -> Path | None:
    return next((folder for folder in folders if holds_converter(folder)), None)


def _source_of(version: str) -> Package:
    if version not in _SOURCES:
        raise _without_checksum(_COMPONENT, version)
    size_bytes, sha256 = _SOURCES[version]
    file_name = f"{_ENGINE.replace('-', '_')}-{version}.tar.gz"
    return Package(_COMPONENT, _ENGINE, version, file_name, size_bytes, sha256)


def _without_checksum(component: str, version: str) -> AppError:
    return AppError(
        ErrorCode.COMPONENT_UNREACHABLE,
        component=component.capitalize(),
        reason=tr("no checksum is known for version {version}", version=version),
    )
