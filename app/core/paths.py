"""Paths of all the program's files, in one data folder; `GRISTMILL_HOME` overrides its location."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from app.core.unwritable import unwritable_folder


def home() -> Path:
    """Return the data folder, and create it if necessary.

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
        raise unwritable_folder(folder, error) from error
    return folder


def settings_file() -> Path:
    """Return the path of the settings file (JSON)."""
    return home() / "settings.json"


def chats_file() -> Path:
    """Return the path of the chat database (SQLite)."""
    return home() / "chats.sqlite3"


def downloads_file() -> Path:
    """Return the path of the download queue (SQLite)."""
    return home() / "downloads.sqlite3"


def backups_folder() -> Path:
    """Return the folder of the newest backups of the conversations."""
    return home() / "backups"


def engine_file() -> Path:
    """Return the path of the probe's results for the engine on this machine (JSON)."""
    return home() / "engine.json"


def rates_file() -> Path:
    """Return the path of this machine's measured rates (JSON)."""
    return home() / "rates.json"


def speeds_file() -> Path:
    """Return the path of models' measured speeds on this machine (JSON)."""
    return home() / "speeds.json"


def endpoints_file() -> Path:
    """Return the path of the list of endpoints that the user has added (JSON)."""
    return home() / "endpoints.json"


def library_cache_file() -> Path:
    """Return the path of the cached facts about model files (MessagePack)."""
    return home() / "library-cache.msgpack"


def marks_file() -> Path:
    """Return the path of the user's labels, tags and favorites (JSON)."""
    return home() / "marks.json"


def verifications_file() -> Path:
    """Return the path of the checksums of verified models (JSON)."""
    return home() / "verifications.json"


def conversions_file() -> Path:
    """Return the path of the record of how models were converted (JSON)."""
    return home() / "conversions.json"


def measurements_folder() -> Path:
    """Return the folder of models' measurements, one small JSON file for each."""
    return home() / "measurements"


def sensitivities_folder() -> Path:
    """Return the folder of the measured sensitivities of checkpoints."""
    return home() / "sensitivities"


def default_models_folder() -> Path:
    """Return the folder of models unless the settings name another."""
    return home() / "models"


def streams_folder() -> Path:
    """Return the folder of the journals of unfinished `get` conversions."""
    return home() / "streams"


def checkpoints_folder() -> Path:
    """Return the folder of downloaded repositories, each in `owner/name`."""
    return home() / "checkpoints"


def outlines_folder() -> Path:
    """Return the folder of outlines: repositories that were estimated, without their weights."""
    return home() / "outlines"


def hub_answers_folder() -> Path:
    """Return the folder of saved answers of the Hub."""
    return home() / "hub-answers"


def converters_folder() -> Path:
    """Return the folder of llama.cpp's converter, with one subfolder per engine version."""
    return home() / "converter"


def converter_packages_folder() -> Path:
    """Return the folder of packages that the converter pins, one subfolder per engine version."""
    return home() / "converter-packages"


def dry_loads_folder() -> Path:
    """Return the folder of cached results of dry loads."""
    return home() / "trials"


def theme_folder() -> Path:
    """Return the folder of the theme's images, which are drawn again if they are missing."""
    return home() / "theme"


def leftovers_folder() -> Path:
    """Return the folder of notes that tell the next start which unfinished files to remove."""
    return home() / "unfinished"


def logs_folder() -> Path:
    """Return the folder of child processes' logs."""
    return home() / "logs"
