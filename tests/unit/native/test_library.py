"""The engine's log: which of its lines explains a failure."""

from __future__ import annotations

import pytest

from app.native.library import EngineLog

INFO, WARNING, ERROR, CONTINUED = 2, 3, 4, 5


def logged(*pieces: tuple[int, bytes]) -> EngineLog:
    log = EngineLog()
    for level, text in pieces:
        log.take(level, text)
    return log


def test_the_cause_is_what_the_loader_says_first() -> None:
    log = logged(
        (INFO, b"llama_model_loader: loaded meta data\n"),
        (ERROR, b"gguf_init_from_file: something before\n"),
        (ERROR, b"llama_model_load: error loading model: missing tensor 'output_norm.weight'\n"),
        (ERROR, b"llama_model_load_from_file_impl: failed to load model\n"),
    )
    assert log.reason() == "missing tensor 'output_norm.weight'"


def test_without_such_a_line_the_first_fault_is_the_reason() -> None:
    log = logged((WARNING, b"odd\n"), (ERROR, b"first fault\n"), (ERROR, b"second fault\n"))
    assert log.reason() == "first fault"


def test_silence_is_said() -> None:
    assert logged((INFO, b"all is well\n")).reason() == "it gave no reason"


def test_clearing_forgets_the_faults_too() -> None:
    log = logged((ERROR, b"fault\n"))
    log.clear()
    assert (log.text(), log.reason()) == ("", "it gave no reason")


def test_warnings_are_kept_whole() -> None:
    log = logged((INFO, b"fine\n"), (CONTINUED, b"\n"), (WARNING, b"odd "), (CONTINUED, b"it is\n"))
    log.take(ERROR, b"worse\n")
    log.take(CONTINUED, b"still\n")
    assert list(log.warnings) == ["odd it is\n"]
    log.clear()
    assert not log.warnings


def test_the_newest_lines_are_kept() -> None:
    log = logged(*((INFO, b"%d\n" % number) for number in range(1000)))
    assert log.text().splitlines() == [str(number) for number in range(600, 1000)]


def test_an_abort_tells_which_error_of_cuda_it_was() -> None:
    log, told = EngineLog(), list[str]()
    log.on_abort = told.append
    abort = b"/build/ggml-cuda.cu:109: CUDA error"
    log.take_abort(abort)
    log.take(ERROR, b"CUDA error: out of memory\n")
    log.take(ERROR, b"  current device: 0, in function alloc at /build/ggml-cuda.cu:583\n")
    log.take_abort(abort)
    assert told == ["ggml-cuda.cu:109: CUDA error", "ggml-cuda.cu:109: CUDA error: out of memory"]


def test_bytes_that_are_no_text_are_shown_all_the_same() -> None:
    assert logged((ERROR, b"token \xff\n")).reason() == "token �"


def test_only_faults_are_passed_on(capsys: pytest.CaptureFixture[str]) -> None:
    logged(
        (INFO, b"info "), (CONTINUED, b"goes on\n"), (WARNING, b"odd "), (CONTINUED, b"indeed\n")
    )
    assert capsys.readouterr().err == "odd indeed\n"


def test_a_recording_holds_everything_and_may_keep_faults_to_itself(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log = EngineLog()
    for shows_faults, shown in ((True, "odd\n"), (False, "")):
        with log.recording(shows_faults=shows_faults) as pieces:
            log.take(INFO, b"size = 5 MiB\n")
            log.take(WARNING, b"odd\n")
        assert "".join(pieces) == "size = 5 MiB\nodd\n"
        assert capsys.readouterr().err == shown


def test_an_abort_is_told_without_the_path_of_who_built_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log = EngineLog()
    told: list[str] = []
    log.on_abort = told.append
    log.take_abort(b"/built/there/ggml-rpc.cpp:354: it crashed: \xff\n")
    assert told == ["ggml-rpc.cpp:354: it crashed: �"]
    assert capsys.readouterr().err == "/built/there/ggml-rpc.cpp:354: it crashed: �\n"
