"""Fetching components with the real pip: from a folder of packages, and once from the registry."""

from __future__ import annotations

import hashlib
import io
import os
import socket
import subprocess
import tarfile
import zipfile
from contextlib import suppress
from importlib import metadata
from pathlib import Path

import pytest

from app.conversion.converter import installation
from app.core import leftovers, paths
from app.core.errors import AppError, ErrorCode
from app.core.event_lines import decode_event
from app.core.events import Event, Finished, Progressed
from app.core.settings import Settings
from app.jobs.components import Package, PinnedPackages, failure_reason, fetched, install, verify
from app.jobs.launch import command_line
from app.library import starter


class Listener:
    """A reporter that keeps all events."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def report(self, event: Event) -> None:
        self.events.append(event)


def _wheel(folder: Path) -> Path:
    folder.mkdir()
    file = folder / "grist_sample-1.0-py3-none-any.whl"
    info = "grist_sample-1.0.dist-info"
    with zipfile.ZipFile(file, "w") as wheel:
        wheel.writestr("grist_sample/flour.txt", "flour")
        for name, content in {
            "METADATA": "Metadata-Version: 2.1\nName: grist-sample\nVersion: 1.0\n",
            "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            "RECORD": "",
        }.items():
            wheel.writestr(f"{info}/{name}", content)
    return file


def _package(file: Path, version: str = "1.0", sha256: str = "") -> Package:
    digest = sha256 or hashlib.sha256(file.read_bytes()).hexdigest()
    size_bytes = file.stat().st_size
    return Package("the sample", "grist-sample", version, file.name, size_bytes, digest)


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a package in the only folder that pip searches."""
    file = _wheel(tmp_path / "packages")
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(file.parent))
    return file


def test_a_package_is_fetched_and_gone_when_it_was_used(wheel: Path) -> None:
    listener = Listener()
    with fetched(_package(wheel), listener) as file:
        assert file.read_bytes() == wheel.read_bytes()
    size_bytes = wheel.stat().st_size
    assert listener.events[-1] == Progressed("setup", size_bytes, size_bytes, "the sample")
    assert not file.parent.exists()
    assert not list(paths.leftovers_folder().iterdir())


def test_another_checksum_is_damage_and_leaves_nothing(wheel: Path) -> None:
    with (
        pytest.raises(AppError) as raised,
        fetched(_package(wheel, sha256="0" * 64), Listener()),
    ):
        pytest.fail("it was handed on")
    assert raised.value.code is ErrorCode.COMPONENT_DAMAGED
    assert raised.value.details == {"component": "The sample"}
    assert [entry.name for entry in paths.home().iterdir()] == ["unfinished"]


def test_one_changed_byte_is_seen(wheel: Path) -> None:
    package = _package(wheel)
    verify(package, wheel)
    content = bytearray(wheel.read_bytes())
    content[50] ^= 1
    wheel.write_bytes(content)
    with pytest.raises(AppError) as raised:
        verify(package, wheel)
    assert raised.value.code is ErrorCode.COMPONENT_DAMAGED


def test_a_version_that_is_not_there_is_named(wheel: Path) -> None:
    with pytest.raises(AppError) as raised, fetched(_package(wheel, version="2.0"), Listener()):
        pytest.fail("it was handed on")
    assert raised.value.code is ErrorCode.COMPONENT_UNREACHABLE
    assert "grist-sample==2.0" in str(raised.value.details["reason"])
    assert not (paths.home() / "fetch").exists()


def test_without_a_connection_the_reason_is_that(
    wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    # Nothing listens on the discard port.
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    with pytest.raises(AppError) as raised, fetched(_package(wheel), Listener()):
        pytest.fail("it was handed on")
    assert raised.value.details == {"component": "The sample", "reason": "no connection"}


def test_pip_failing_without_a_word_still_has_a_reason() -> None:
    assert failure_reason("Collecting sample\n") == "pip gave no reason"
    assert failure_reason("Collecting\nERROR: no room\nERROR: so no file\n") == "no room"


def test_a_second_run_waits_its_turn(wheel: Path) -> None:
    with (
        fetched(_package(wheel), Listener()),
        pytest.raises(AppError) as raised,
        fetched(_package(wheel), Listener()),
    ):
        pytest.fail("it was handed on")
    assert raised.value.code is ErrorCode.FILE_BUSY


def _source_distribution(file: Path, names: dict[str, bytes], link: str = "") -> Path:
    with tarfile.open(file, "w:gz") as archive:
        for name, content in names.items():
            member = tarfile.TarInfo(f"llama_cpp_python-0.3.36/vendor/llama.cpp/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        if link:
            member = tarfile.TarInfo(f"llama_cpp_python-0.3.36/vendor/llama.cpp/{link}")
            member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(member)
    return file


def test_only_the_converters_files_are_unpacked(tmp_path: Path) -> None:
    wanted = {
        "conversion/__init__.py": b"1",
        "conversion/deep/er.py": b"2",
        "gguf-py/gguf/constants.py": b"3",
        "convert_hf_to_gguf.py": b"4",
        "convert_lora_to_gguf.py": b"5",
        "LICENSE": b"6",
        "models/ggml-vocab-a.gguf": b"7",
        "models/templates/a.jinja": b"8",
        "tests/snapshots/a.schema": b"9",
        "requirements/requirements-convert_legacy_llama.txt": b"10",
    }
    others = dict.fromkeys(
        (
            "src/llama.cpp",
            "models/ggml-vocab-a.gguf.inp",
            "gguf-py/LICENSE",
            "requirements/requirements-all.txt",
        ),
        b"",
    )
    archive = _source_distribution(tmp_path / "a.tar.gz", wanted | others, "conversion/link.py")
    installation.unpack_converter(archive, tmp_path / "out")
    found = {
        file.relative_to(tmp_path / "out").as_posix(): file.read_bytes()
        for file in (tmp_path / "out").rglob("*")
        if not file.is_dir()
    }
    assert found == wanted
    assert installation.holds_converter(tmp_path / "out")


@pytest.mark.parametrize(
    "name", ["conversion/../evil.py", "conversion/CON", "models/templates/a:b"]
)
def test_a_name_that_leaves_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    archive = _source_distribution(tmp_path / "a.tar.gz", {name: b"evil"})
    with pytest.raises(AppError) as raised:
        installation.unpack_converter(archive, tmp_path / "out")
    assert raised.value.code is ErrorCode.UNSAFE_NAME
    assert not list(tmp_path.rglob("evil*"))


def test_the_persons_own_checkout_comes_first(tmp_path: Path) -> None:
    packages = paths.converter_packages_folder() / installation.installed_engine_version()
    packages.mkdir(parents=True)
    own = Settings(converter_folder=str(tmp_path))
    with pytest.raises(AppError) as raised:
        installation.converter_folder(own)
    assert raised.value.code is ErrorCode.CONVERTER_FOLDER_UNFIT
    (tmp_path / "gguf-py" / "gguf").mkdir(parents=True)
    (tmp_path / "conversion").mkdir()
    (tmp_path / "conversion" / "__init__.py").touch()
    assert installation.converter_folder(own) == tmp_path
    with pytest.raises(AppError):
        installation.converter_folder(Settings())


def _pinned(wheel: Path, sha256: str = "") -> PinnedPackages:
    digest = sha256 or hashlib.sha256(wheel.read_bytes()).hexdigest()
    requirements = wheel.parent / "requirements.txt"
    requirements.write_text(f"grist-sample==1.0 --hash=sha256:{digest}\n")
    return PinnedPackages("the samples", requirements, 4096)


def test_pinned_packages_are_installed_whole(wheel: Path) -> None:
    listener, target = Listener(), paths.home() / "samples" / "1"
    install(_pinned(wheel), target, listener)
    assert (target / "grist_sample" / "flour.txt").read_text() == "flour"
    last = listener.events[-1]
    assert isinstance(last, Progressed)
    assert (last.total_bytes, last.detail) == (4096, "the samples")
    assert sorted(entry.name for entry in paths.home().iterdir()) == ["samples", "unfinished"]
    assert [entry.name for entry in target.parent.iterdir()] == ["1"]


def test_pinned_packages_with_another_checksum_leave_nothing(wheel: Path) -> None:
    with pytest.raises(AppError) as raised:
        install(_pinned(wheel, sha256="0" * 64), paths.home() / "samples", Listener())
    assert raised.value.code is ErrorCode.COMPONENT_DAMAGED
    assert raised.value.details == {"component": "The samples"}
    assert [entry.name for entry in paths.home().iterdir()] == ["unfinished"]


def test_pinned_packages_that_break_off_leave_nothing(
    wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel.write_bytes(wheel.read_bytes()[:-40])
    with pytest.raises(AppError) as raised:
        install(_pinned(wheel), paths.home() / "samples", Listener())
    assert raised.value.code is ErrorCode.COMPONENT_UNREACHABLE
    assert [entry.name for entry in paths.home().iterdir()] == ["unfinished"]


def test_a_killed_setup_takes_pip_along_and_the_next_start_cleans_up(
    wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(60)
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{silent.getsockname()[1]}/simple")
        with _setup() as child:
            connection, _ = silent.accept()
            child.kill()
        with connection, suppress(ConnectionResetError):
            connection.settimeout(60)
            while connection.recv(4096):
                pass
    assert (paths.home() / "fetch").is_dir()
    leftovers.sweep()
    assert [entry.name for entry in paths.home().iterdir()] == ["unfinished"]


@pytest.mark.slow
def test_setup_fetches_both_once_and_then_nothing() -> None:
    *_, finished = _run_setup()
    assert isinstance(finished, Finished)
    converter, model = (Path(path) for path in finished.paths)
    assert installation.holds_converter(converter)
    assert installation.converter_folder(Settings()) == converter
    assert model == starter.starter_file(Settings())
    assert model.stat().st_size == 98_362_432
    assert sorted(entry.name for entry in paths.home().iterdir()) == [
        "converter",
        "converter-packages",
        "models",
        "unfinished",
    ]
    assert len(list((converter / "tests" / "snapshots").iterdir())) > 5
    _require_what_llama_cpp_pins(converter)
    assert _run_setup() == [finished]


def _require_what_llama_cpp_pins(converter: Path) -> None:
    requirements = converter / "requirements" / "requirements-convert_legacy_llama.txt"
    version = installation.pinned_version("transformers")
    assert f"transformers=={version}" in requirements.read_text().splitlines()
    packages = installation.pinned_packages_folder()
    installed = {found.name: found.version for found in metadata.distributions(path=[packages])}
    assert installed == {
        name: installation.pinned_version(name)
        for name in ("transformers", "tokenizers", "huggingface_hub")
    }


def _setup() -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE
    return subprocess.Popen(command_line("setup"), stdin=pipe, stdout=pipe)


def _run_setup() -> list[Event]:
    # Its standard input stays open meanwhile: its end would mean that the parent is gone.
    with _setup() as child:
        assert child.stdout is not None
        events = [decode_event(line) for line in child.stdout]
    assert child.returncode == 0
    return events
