"""Where everything is kept: one data folder, moved as a whole by `GRISTMILL_HOME`."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from app.core.errors import AppError, ErrorCode, system_reason


def home() -> Path:
    """The data folder, made on first use.

    Raises:
        AppError: `folder_not_writable`.
    """
    chosen = os.environ.get("GRISTMILL_HOME")
    folder = (
        Path(chosen).expanduser().absolute()
        if chosen
        else platformdirs.user_data_path("gristmill", appauthor=False)
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = system_reason(error)
        raise AppError(ErrorCode.FOLDER_NOT_WRITABLE, folder=str(folder), reason=reason) from error
    return folder


def settings_file() -> Path:
    """The settings, as JSON."""
    return home() / "settings.json"


def chats_file() -> Path:
    """The conversations, as an SQLite database."""
    return home() / "chats.sqlite3"


def backups_folder() -> Path:
    """The last few copies of the conversations."""
    return home() / "backups"


def engine_file() -> Path:
    """What the probe found about the engine on this machine, as JSON."""
    return home() / "engine.json"


def rates_file() -> Path:
    """How fast this machine computes, as measured, as JSON."""
    return home() / "rates.json"


def speeds_file() -> Path:
    """How fast models really were on this machine, as JSON."""
    return home() / "speeds.json"


def endpoints_file() -> Path:
    """The other engines that a person has added, as JSON."""
    return home() / "endpoints.json"


def measurements_folder() -> Path:
    """What was measured of models, one small JSON file for each."""
    return home() / "measurements"


def default_models_folder() -> Path:
    """Where models go when the settings name no other folder."""
    return home() / "models"


def checkpoints_folder() -> Path:
    """Where downloaded repositories go: `owner/name` below it."""
    return home() / "checkpoints"


def outlines_folder() -> Path:
    """Where repositories lie that were only estimated: all but their weights."""
    return home() / "outlines"


def converters_folder() -> Path:
    """Where llama.cpp's converter lies: one folder per engine version below it."""
    return home() / "converter"


def converter_packages_folder() -> Path:
    """Where the packages lie that the converter pins: one folder per engine version below it."""
    return home() / "converter-packages"


def trials_folder() -> Path:
    """What loads without allocation told, so that the next estimate need not try them."""
    return home() / "trials"


def leftovers_folder() -> Path:
    """Notes about unfinished files, so that the next start can remove what a killed job left."""
    return home() / "unfinished"


def logs_folder() -> Path:
    """The logs of the child processes, newest last."""
    return home() / "logs"
