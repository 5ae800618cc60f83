"""The decisions of setup: flags, fingerprints, stamps and messages."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "packaging"))

import console
import engine
import steps
import system
from environment import Environment, requirements_of, stamp_key

ROOT = Path(__file__).resolve().parents[2]
GCC_12 = engine.Compiler("c++ (Debian 12.2.0-14) 12.2.0", gcc_major=12, knows_amx=True)
GCC_13 = engine.Compiler("c++ 13.1.0", gcc_major=13, knows_amx=True)
GCC_10 = engine.Compiler("c++ 10.2.1", gcc_major=10, knows_amx=False)
CLANG = engine.Compiler("clang version 19.1.0")
WITHOUT_AMX = "-DCMAKE_C_FLAGS=-mno-amx-int8 -DCMAKE_CXX_FLAGS=-mno-amx-int8"


@pytest.mark.parametrize(
    ("backend", "compiler", "machine", "system_name", "expected"),
    [
        ("cpu", GCC_13, "x86_64", "linux", "-DGGML_RPC=ON"),
        ("cpu", GCC_12, "x86_64", "linux", f"-DGGML_RPC=ON {WITHOUT_AMX}"),
        ("cpu", GCC_12, "aarch64", "linux", "-DGGML_RPC=ON"),
        ("cpu", GCC_10, "x86_64", "linux", "-DGGML_RPC=ON"),
        ("cpu", CLANG, "x86_64", "linux", "-DGGML_RPC=ON"),
        ("cuda", GCC_12, "x86_64", "linux", f"-DGGML_RPC=ON -DGGML_CUDA=ON {WITHOUT_AMX}"),
        ("vulkan", engine.Compiler(), "AMD64", "win32", "-DGGML_RPC=ON -DGGML_VULKAN=ON"),
        ("rocm", CLANG, "x86_64", "linux", "-DGGML_RPC=ON -DGGML_HIP=ON"),
        ("metal", CLANG, "arm64", "darwin", "-DGGML_RPC=ON -DGGML_METAL=ON"),
        ("cpu", CLANG, "arm64", "darwin", "-DGGML_RPC=ON -DGGML_METAL=OFF"),
    ],
)
def test_the_flags_fit_the_backend_and_the_compiler(
    backend: str, compiler: engine.Compiler, machine: str, system_name: str, expected: str
) -> None:
    assert engine.cmake_arguments(backend, compiler, machine, system_name) == expected


def test_the_persons_own_flags_come_last() -> None:
    flags = engine.cmake_arguments("cpu", GCC_13, "x86_64", "linux", extra=" -DGGML_BLAS=ON ")
    assert flags == "-DGGML_RPC=ON -DGGML_BLAS=ON"


def test_only_macos_starts_with_another_backend_than_the_processor() -> None:
    assert [engine.default_backend(name) for name in ("linux", "win32", "darwin")] == [
        "cpu",
        "cpu",
        "metal",
    ]


def test_the_fingerprint_changes_with_whatever_changes_the_engine() -> None:
    first = engine.fingerprint("-DA", GCC_12, "processor", "cpython-311")
    others = {
        engine.fingerprint("-DB", GCC_12, "processor", "cpython-311"),
        engine.fingerprint("-DA", GCC_13, "processor", "cpython-311"),
        engine.fingerprint("-DA", GCC_12, "another", "cpython-311"),
        engine.fingerprint("-DA", GCC_12, "processor", "cpython-312"),
    }
    assert len(first) == 12
    assert len(others | {first}) == 5
    assert engine.fingerprint("-DA", GCC_12, "processor", "cpython-311") == first


def test_the_processor_is_its_model_and_its_instruction_sets() -> None:
    listing = "processor\t: 0\nmodel name\t: Grain 9\ncpu MHz\t: {}\nflags\t: fpu {} avx2 fma\n\n"
    before = engine.processor_from(listing.format(2400, "") + listing.format(1200, ""))
    after_kernel_update = engine.processor_from(listing.format(900, "new_mitigation"))
    other_machine = engine.processor_from(listing.format(2400, "amx_int8"))
    assert json.loads(before) == {"model name": "Grain 9", "flags": "avx2 fma"}
    assert after_kernel_update == before
    assert other_machine != before


def test_the_engine_is_the_version_that_the_project_asks_for() -> None:
    needed, tools, _ = requirements_of(ROOT)
    assert f"{engine.NAME}=={engine.VERSION}" in needed
    assert any(tool.startswith("pytest>=") for tool in tools)


def test_the_pins_name_every_requirement_without_a_local_version() -> None:
    lines = (ROOT / "packaging" / "constraints.txt").read_text("utf-8").splitlines()[1:]
    pins = dict(line.lower().replace("_", "-").split("==") for line in lines)
    names = [
        requirement.lower().replace("_", "-").split(">")[0].split("=")[0]
        for group in requirements_of(ROOT)
        for requirement in group
    ]
    assert not [name for name in names if name not in pins]
    assert not [version for version in pins.values() if "+" in version or "@" in version]


def test_a_stamp_holds_until_the_project_or_the_backend_changes(tmp_path: Path) -> None:
    (tmp_path / "packaging").mkdir()
    project, pins = tmp_path / "pyproject.toml", tmp_path / "packaging" / "constraints.txt"
    project.write_text("a")
    pins.write_text("b")
    (tmp_path / ".venv").mkdir()
    environment = Environment(tmp_path)
    key = stamp_key(tmp_path, "cpu")
    assert not environment.is_done("packages", key)
    environment.note("packages", key)
    environment.note("tools", "another")
    assert environment.is_done("packages", stamp_key(tmp_path, "cpu"))
    assert not environment.is_done("packages", stamp_key(tmp_path, "cuda"))
    pins.write_text("c")
    assert not environment.is_done("packages", stamp_key(tmp_path, "cpu"))


def test_damaged_notes_mean_that_nothing_is_done(tmp_path: Path) -> None:
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "setup.json").write_text('{"packages": "ab')
    assert not Environment(tmp_path).is_done("packages", "ab")


LDD = """/venv/libqxcb.so:
\tlibxcb-keysyms.so.1 => not found
\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f)
\tlibxcb-icccm.so.4 => not found
\tlibxcb-icccm.so.4 => not found
"""


def test_missing_libraries_become_one_line_with_the_command() -> None:
    absent = system.not_found(LDD)
    assert absent == ["libxcb-icccm.so.4", "libxcb-keysyms.so.1"]
    assert system.missing_line(absent, has_apt=True) == (
        "system libraries are missing (libxcb-icccm.so.4, libxcb-keysyms.so.1): "
        "sudo apt-get install -y libxcb-icccm4 libxcb-keysyms1"
    )
    assert system.missing_line(["libnew.so.1"], has_apt=True) == (
        "system libraries are missing (libnew.so.1): install them with your package manager"
    )
    assert "apt-get" not in system.missing_line(absent, has_apt=False)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, False),
        ({"WAYLAND_DISPLAY": "wayland-0", "QT_QPA_PLATFORM": "xcb"}, True),
        ({"QT_QPA_PLATFORM": "offscreen"}, False),
    ],
)
def test_x11_libraries_are_insisted_on_only_where_they_are_used(
    variables: dict[str, str], expected: bool
) -> None:
    assert steps.uses_x11(variables) is expected


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        ("WARNING: Retrying after connection broken by X\nERROR: None found", "no connection"),
        (
            "-- Could not find nccl\nCMake Error in ggml/CMakeLists.txt:\n  no GPU was detected.\n"
            "\nERROR: Failed building wheel",
            "no GPU was detected.",
        ),
        ("a.cpp:1:2: fatal error: b.h: No such file\nninja: stopped", "a.cpp:1:2: fatal error"),
        ("Reading\nE: Unable to locate package\n", "E: Unable to locate package"),
        ("", "no output"),
    ],
)
def test_the_reason_of_a_failure_is_found_in_its_log(log: str, reason: str) -> None:
    assert console.failure_reason(log).startswith(reason)


def test_a_failed_step_says_why_and_where_the_log_is(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "build" / "step.log"
    program = "import sys; sys.exit('error: the stone is cracked')"
    with pytest.raises(console.SetupError) as raised:
        console.run_step("Grinding (1 s)", [sys.executable, "-c", program], log)
    assert str(raised.value) == f"the step failed: error: the stone is cracked (log: {log})"
    assert capfd.readouterr().err == "gristmill: Grinding (1 s)\n"


def test_a_step_gets_its_own_environment_and_no_standard_input(tmp_path: Path) -> None:
    program = "import os, sys; print(os.environ['CMAKE_ARGS'], repr(sys.stdin.read()))"
    log = tmp_path / "step.log"
    console.run_step("Step", [sys.executable, "-c", program], log, {"CMAKE_ARGS": "-DA"})
    assert log.read_text("utf-8").split() == ["-DA", "''"]


@pytest.mark.parametrize(
    ("seconds", "text"), [(4.4, "4 s"), (60, "1 min 00 s"), (185, "3 min 05 s")]
)
def test_elapsed_time_is_readable(seconds: float, text: str) -> None:
    assert console.format_elapsed(seconds) == text


def test_an_unknown_backend_is_wrong_usage() -> None:
    ended = subprocess.run(
        [sys.executable, str(ROOT / "packaging" / "bootstrap.py"), "run", "--backend", "abacus"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert "abacus" in ended.stderr
