"""The whole library: missing folders, other programs, limits, and facts beside the headers."""

from __future__ import annotations

import shutil
from pathlib import Path

from app.core import paths
from app.core.errors import NoticeCode
from app.core.events import FolderListed
from app.core.model_facts import Marks
from app.core.settings import Settings
from app.library.conversion_records import ConversionRecord, ConversionRecords
from app.library.download_record import DownloadRecord, VerifiedFile, record_store
from app.library.facts_cache import FactsCache
from app.library.index import find_model
from app.library.library_scan import LibraryContents, scan_library
from app.library.marks import MarksStore
from app.library.model_files import Limits
from app.library.model_places import library_places, model_places
from tests.support.gguf.gguf_files import llama_file


def look(settings: Settings, limits: Limits | None = None) -> LibraryContents:
    cache = FactsCache(paths.library_cache_file())
    found = scan_library(model_places(settings), cache, limits)
    cache.save()
    return found


def test_a_drive_that_is_gone_is_a_state_and_comes_back(tmp_path: Path) -> None:
    drive, here = tmp_path / "drive" / "models", tmp_path / "here"
    size = llama_file().write(drive / "far.gguf").stat().st_size
    llama_file().write(here / "near.gguf")
    settings = Settings(added_models=(str(here), str(drive)))
    assert [model.name for model in look(settings).models] == ["far", "near"]
    shutil.move(drive.parent, tmp_path / "away")
    for _ in range(2):
        gone = look(settings)
        assert [model.name for model in gone.models] == ["near"]
        assert gone.folders[2] == FolderListed(str(drive), 1, size, is_connected=False)
        assert gone.notices == []
        assert str(tmp_path) in gone.watched
    shutil.move(tmp_path / "away", drive.parent)
    back = look(settings)
    assert [model.name for model in back.models] == ["far", "near"]
    assert all(folder.is_connected for folder in back.folders)


def test_a_single_file_can_be_gone_too(tmp_path: Path) -> None:
    file = llama_file().write(tmp_path / "x.gguf")
    settings = Settings(added_models=(str(file),))
    look(settings)
    file.unlink()
    assert [(folder.models, folder.is_connected) for folder in look(settings).folders] == [
        (0, True),
        (1, False),
    ]


def test_other_programs_are_offered_and_then_shown(tmp_path: Path) -> None:
    folder = tmp_path / "person" / ".lmstudio" / "models"
    file = llama_file().write(folder / "acme" / "Grain-GGUF" / "Grain-Q4_K_M.gguf")
    offered = look(Settings())
    assert offered.models == []
    size = file.stat().st_size
    listed = FolderListed(str(folder), 1, size, program="LM Studio", is_shown=False)
    assert offered.folders[1:] == [listed]
    settings = Settings(shown_programs=("LM Studio",))
    (model,) = look(settings).models
    assert (model.path, model.program) == (str(file), "LM Studio")
    assert folder in library_places(settings)
    assert folder not in library_places(Settings())


def test_a_program_in_a_folder_of_the_user_is_not_offered_again(tmp_path: Path) -> None:
    llama_file().write(tmp_path / "person" / ".lmstudio" / "models" / "Grain-Q4_K_M.gguf")
    found = look(Settings(added_models=(str(tmp_path / "person"),)))
    assert [model.program for model in found.models] == ["LM Studio"]
    assert all(not folder.program for folder in found.folders)


def test_a_limit_is_told_and_what_was_found_is_kept(tmp_path: Path) -> None:
    for number in range(9):
        llama_file().write(tmp_path / "many" / f"m{number}.gguf")
    llama_file().write(tmp_path / "few" / "other.gguf")
    settings = Settings(added_models=(str(tmp_path / "many"), str(tmp_path / "few")))
    found = look(settings, Limits(models=5))
    assert len(found.models) == 6
    (notice,) = found.notices
    assert notice.code is NoticeCode.SCAN_LIMITED
    assert notice.details == {"folder": str(tmp_path / "many"), "limit": "5 models"}


def test_a_model_has_the_repository_it_was_converted_from_until_it_changes(home: Path) -> None:
    file = home / "models" / "grain-Q8_0.gguf"
    llama_file().write(file)
    ConversionRecords().keep(file, ConversionRecord((), "acme/grain"))
    (model,) = look(Settings()).models
    assert model.header.origin == "acme/grain"
    llama_file(general__name="another").write(file)
    (model,) = look(Settings()).models
    assert model.header.origin == ""


def test_a_model_has_the_repository_it_was_downloaded_from(home: Path) -> None:
    folder = home / "models" / "acme" / "grain-GGUF"
    llama_file(general__repo_url="https://huggingface.co/bolt/grain").write(folder / "a.gguf")
    llama_file(general__repo_url="https://huggingface.co/bolt/grain").write(folder / "b.gguf")
    verified = VerifiedFile("acme/grain-GGUF", "c" * 40, 1, "0" * 64, 1)
    record_store(folder).write(DownloadRecord(files={"a.gguf": verified}))
    origins = [model.header.origin for model in look(Settings()).models]
    assert origins == ["acme/grain-GGUF", "bolt/grain"]


def test_a_label_is_the_title_and_survives_a_move(home: Path) -> None:
    file = llama_file().write(home / "models" / "Little-Q4_K_M.gguf")
    marks = Marks("Helper", ("code",), is_favorite=True)
    MarksStore().change(str(file), file.stat().st_size, marks)
    (home / "models" / "sorted").mkdir()
    moved = file.rename(home / "models" / "sorted" / file.name)
    (model,) = look(Settings()).models
    assert find_model("helper", library_places(Settings())) == moved
    assert (model.title, model.name, model.marks) == ("Helper", "Little", marks)
    MarksStore().change(str(moved), moved.stat().st_size, Marks())
    assert look(Settings()).models[0].marks == Marks()


def test_a_damaged_file_of_marks_loses_only_what_is_damaged(home: Path) -> None:
    store = MarksStore()
    store.change("/a.gguf", 1, Marks("A"))
    store.change("/b.gguf", 1, Marks("B"))
    file = paths.marks_file()
    file.write_text(file.read_text().replace('"size_bytes": 1', '"size_bytes": "x"', 1))
    assert MarksStore().of("/b.gguf", 1) == Marks("B")
    file.write_bytes(b"\xff")
    assert MarksStore().of("/b.gguf", 1) == Marks()
