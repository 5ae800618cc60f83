"""A file is whole under its name, or absent."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from app.core import files, paths
from app.core.errors import AppError, Canceled, ErrorCode
from app.core.files import (
    free_path,
    open_atomically,
    replace,
    require_space,
    require_writable,
    temporary_folder,
    write_atomically,
)
from app.core.sentences import describe_error

_WRITER = """
import sys
from pathlib import Path
from app.core.files import open_atomically
with open_atomically(Path(sys.argv[1])) as file:
    file.write(b"half" * 1000)
    file.flush()
    print("writing", flush=True)
    sys.stdin.readline()
"""
_FULL_DISK = """
import sys
from pathlib import Path
from app.core.errors import AppError
from app.core.files import open_atomically
folder = Path(sys.argv[1])
try:
    with open_atomically(folder / "model.gguf") as file:
        for _ in range(64):
            file.write(bytes(2**16))
except AppError as error:
    print(error.code.value, sorted(path.name for path in folder.iterdir()))
"""


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _start_writer(destination: Path, cwd: Path | None = None) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(destination)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env=_environment(),
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "writing\n"
    return child


def _write_half(destination: Path, error: BaseException) -> None:
    with open_atomically(destination) as file:
        file.write(b"half")
        raise error


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(files.__file__).parents[2])}


def _end(child: subprocess.Popen[str]) -> None:
    child.kill()
    child.communicate()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "models"
    made.mkdir()
    return made


def test_a_file_gets_its_name_at_the_end(folder: Path) -> None:
    destination = folder / "deeper" / "model.gguf"
    with open_atomically(destination) as file:
        file.write(b"whole")
        assert not destination.exists()
        assert _names(destination.parent) == ["model.gguf.part"]
    assert destination.read_bytes() == b"whole"
    assert _names(destination.parent) == ["model.gguf"]
    assert _names(paths.leftovers_folder()) == []


@pytest.mark.parametrize("error", [Canceled(), ValueError("x"), KeyboardInterrupt(), SystemExit(1)])
def test_an_error_leaves_nothing(folder: Path, error: BaseException) -> None:
    with pytest.raises(type(error)):
        _write_half(folder / "model.gguf", error)
    assert _names(folder) == []
    assert _names(paths.leftovers_folder()) == []


def test_an_error_keeps_the_old_file(folder: Path) -> None:
    destination = folder / "settings.json"
    write_atomically(destination, b"old")
    with pytest.raises(Canceled):
        _write_half(destination, Canceled())
    assert destination.read_bytes() == b"old"
    write_atomically(destination, b"new")
    assert destination.read_bytes() == b"new"


def test_two_jobs_in_one_process_cannot_write_the_same_file(folder: Path) -> None:
    destination = folder / "model.gguf"
    seen: list[ErrorCode] = []

    def write_too() -> None:
        try:
            write_atomically(destination, b"other")
        except AppError as error:
            seen.append(error.code)

    with open_atomically(destination) as file:
        file.write(b"first")
        other = threading.Thread(target=write_too)
        other.start()
        other.join()
    assert seen == [ErrorCode.FILE_BUSY]
    assert destination.read_bytes() == b"first"
    assert _names(folder) == ["model.gguf"]


def test_a_file_that_another_process_is_writing_is_busy(folder: Path) -> None:
    destination = folder / "model.gguf"
    child = _start_writer(destination)
    try:
        with pytest.raises(AppError) as caught:
            write_atomically(destination, b"mine")
        assert caught.value.code is ErrorCode.FILE_BUSY
        assert caught.value.details == {"file": str(destination)}
    finally:
        child.communicate("go on\n")
    assert child.returncode == 0
    assert destination.read_bytes() == b"half" * 1000


@pytest.mark.parametrize("is_relative", [False, True])
def test_what_a_killed_process_left_is_in_no_one_s_way(
    folder: Path, monkeypatch: pytest.MonkeyPatch, is_relative: bool
) -> None:
    monkeypatch.chdir(folder)
    destination = Path("model.gguf") if is_relative else folder / "model.gguf"
    _end(_start_writer(destination, cwd=folder))
    assert _names(folder) == ["model.gguf.part"]
    write_atomically(destination, b"mine")
    assert destination.read_bytes() == b"mine"
    assert _names(folder) == ["model.gguf"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs its own mounts")
def test_a_full_disk(folder: Path) -> None:
    if shutil.which("unshare") is None:
        pytest.skip("no unshare")
    script = 'mount -t tmpfs -o size=1m tmpfs "$1" && exec "$2" -c "$3" "$1"'
    command = ["unshare", "--mount", "sh", "-c", script, "sh", str(folder), sys.executable]
    done = subprocess.run(
        [*command, _FULL_DISK], capture_output=True, text=True, env=_environment(), check=False
    )
    if "permitted" in done.stderr or "permission" in done.stderr:
        pytest.skip("may not mount")
    assert done.stdout == "disk_full []\n", done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX limits")
def test_a_file_too_large_for_the_file_system(folder: Path) -> None:
    import resource

    child = subprocess.run(
        [sys.executable, "-c", _FULL_DISK, str(folder)],
        capture_output=True,
        text=True,
        env=_environment(),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20)),
        check=False,
    )
    assert child.stdout == "folder_not_writable []\n", child.stderr


@pytest.mark.parametrize("deeper", ["", "deeper"])
def test_a_folder_that_is_a_file(folder: Path, deeper: str) -> None:
    (folder / "file").write_bytes(b"")
    with pytest.raises(AppError) as caught:
        write_atomically(folder / "file" / deeper / "model.gguf", b"")
    assert caught.value.code is ErrorCode.FOLDER_NOT_WRITABLE
    assert caught.value.details["reason"] == f"the file {folder / 'file'} is in the way"
    assert (folder / "file").read_bytes() == b""


@pytest.mark.parametrize("deeper", ["", "deeper/and/deeper"])
def test_a_file_in_the_way_of_a_folder_is_seen_before_anything_is_written(
    folder: Path, deeper: str
) -> None:
    (folder / "file").write_bytes(b"")
    with pytest.raises(AppError) as caught:
        require_writable(folder / "file" / deeper)
    assert caught.value.code is ErrorCode.FOLDER_NOT_WRITABLE
    assert caught.value.details["reason"] == f"the file {folder / 'file'} is in the way"
    require_writable(folder / "not" / "made" / "yet")
    assert _names(folder) == ["file"]


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")
@pytest.mark.parametrize("leads_to", ["link", "absent"])
def test_a_link_that_leads_nowhere_is_in_the_way(folder: Path, leads_to: str) -> None:
    link = folder / "link"
    link.symlink_to(folder / leads_to)
    for refused in (require_writable, lambda path: write_atomically(path / "model.gguf", b"")):
        with pytest.raises(AppError) as caught:
            refused(link)
        assert caught.value.code is ErrorCode.FOLDER_NOT_WRITABLE
        assert caught.value.details["reason"] == f"the file {link} is in the way"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has them")
@pytest.mark.parametrize("place", ["/proc", "/proc/made/later", "/sys", "/sys/made/later"])
def test_a_file_system_that_takes_no_files(place: str) -> None:
    for refused in (
        require_writable,
        lambda path: require_space(path, 0),
        lambda path: write_atomically(path / "model.gguf", b""),
    ):
        with pytest.raises(AppError) as caught:
            refused(Path(place))
        assert caught.value.code is ErrorCode.FOLDER_NOT_WRITABLE
        assert caught.value.details["reason"] != "No such file or directory"


def _write_while_it_is_removed(folder: Path) -> None:
    with open_atomically(folder / "model.gguf") as file:
        file.write(b"half")
        shutil.rmtree(folder)


def test_a_folder_that_is_removed_meanwhile(folder: Path) -> None:
    with pytest.raises(AppError) as caught:
        _write_while_it_is_removed(folder / "made")
    assert caught.value.code is ErrorCode.FOLDER_NOT_WRITABLE


def test_a_name_that_is_a_folder(folder: Path) -> None:
    (folder / "model.gguf" / "deeper").mkdir(parents=True)
    with pytest.raises(AppError) as caught:
        write_atomically(folder / "model.gguf", b"")
    assert caught.value.code is ErrorCode.FOLDER_NOT_WRITABLE
    assert _names(folder) == ["model.gguf"]


@pytest.mark.parametrize("write", [free_path, lambda path: write_atomically(path, b"")])
def test_a_name_that_is_too_long(folder: Path, write: Callable[[Path], object]) -> None:
    with pytest.raises(AppError) as caught:
        write(folder / ("x" * 300))
    assert caught.value.code is ErrorCode.FOLDER_NOT_WRITABLE


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, ErrorCode.DISK_FULL),
        (errno.EDQUOT, ErrorCode.DISK_FULL),
        (errno.EACCES, ErrorCode.FOLDER_NOT_WRITABLE),
        (errno.EROFS, ErrorCode.FOLDER_NOT_WRITABLE),
    ],
)
def test_errors_of_the_system_have_names(folder: Path, number: int, code: ErrorCode) -> None:
    not_made_yet = folder / "a" / "b"
    with pytest.raises(AppError) as caught, files.raising_app_errors(not_made_yet):
        raise OSError(number, "as the system says it")
    assert caught.value.code is code
    assert caught.value.details["folder"] == str(not_made_yet)


def test_other_errors_of_the_system_stay_what_they_are(folder: Path) -> None:
    with pytest.raises(FileNotFoundError), files.raising_app_errors(folder):
        (folder / "absent").read_bytes()


def test_space_is_checked_with_a_reserve(folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    require_space(folder / "not" / "made" / "yet", 0)
    with pytest.raises(AppError) as caught:
        require_space(folder / "not" / "made" / "yet", free * 2)
    assert caught.value.code is ErrorCode.DISK_FULL
    assert caught.value.details["needed_bytes"] == free * 2 + 256 * 2**20
    told = describe_error(caught.value.code, caught.value.details)
    assert "with a reserve of 268 MB" in told


def test_replace_takes_the_place_of_what_was_there(folder: Path) -> None:
    (folder / "new").write_bytes(b"new")
    (folder / "old").write_bytes(b"old")
    replace(folder / "new", folder / "old")
    assert (folder / "old").read_bytes() == b"new"
    assert _names(folder) == ["old"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/tmp of Linux may be in memory")
def test_temporary_folders_are_on_a_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.delenv(name, raising=False)
    with temporary_folder() as folder:
        assert folder.parent == Path("/var/tmp")
        assert folder.stat().st_mode & 0o777 == 0o700
    assert not folder.exists()


def test_temporary_folders_are_where_the_environment_wants_them(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("TMPDIR", str(folder))
    with temporary_folder() as made:
        assert made.parent == folder
