"""The lines between a child and its parent."""

from __future__ import annotations

import msgspec
import pytest

from app.core import event_lines, events
from app.core.allocation_events import (
    ChosenShare,
    ComparedQuality,
    FileCompared,
    MeasuringPlanned,
    PlainFile,
    RoundingCorrected,
    ScalesTuned,
    TypesChosen,
)
from app.core.errors import ErrorCode, NoticeCode
from app.core.hub_events import (
    FirstModels,
    HubAnswered,
    HubFile,
    HubModelFound,
    HubPage,
    HubPageFound,
    HubRequest,
    HubSearch,
)
from app.core.inspection_events import ModelInspected, TemplateTried
from app.core.model_facts import Marks, ModelFacts, Verification
from app.core.publish_events import PublishAdvanced, PublishedFile, PublishPlanned

_EVENTS: tuple[events.Event, ...] = (
    events.Progressed("download", 5, 10, "model.safetensors"),
    events.Checked("disk", "", ErrorCode.DISK_FULL, {"free_bytes": 1, "share": 0.5, "folder": "x"}),
    events.SourceLocated("/outlines/owner/name"),
    events.LevelsApproximated(8_030_261_248, {"Q4_K_M": 2**32, "Q8_0": 2**33}),
    events.LevelPlanned("Q4_K_M", 2**40, 4.85, "a.gguf"),
    events.TensorPlanned("Q4_K_M", "output.weight", (151_936, 1024), "q6_K", 2**30),
    events.ModelListed("/m/a.gguf", "a", "Q8_0", "llama", 10**12, 10**12, 2**20),
    events.ModelListed(
        "/m/b.gguf",
        *("b", "Q8_0", "llama", 10**12, 10**12, 2**20),
        header=ModelFacts(8.5, has_chat_template=True, license="mit", origin="a/b"),
        marks=Marks("B", ("code",), is_favorite=True),
        verification=Verification("verified", "2026-11-29", ("0" * 64,)),
    ),
    events.FolderListed("/m", 3, 10**12, False, "LM Studio", False),
    events.FoldersWatched(("/m", "/n")),
    events.ModelVerified("/m/a.gguf", Verification("changed", "2026-11-29", ("0" * 64,))),
    events.CheckpointListed("/c/a/b", "a/b", 10**12),
    events.DownloadListed("/c/a/b", "a/b", None, "Q4_0", False, 1, 2, True, ErrorCode.DISK_FULL),
    events.RemoteModelListed("a-Q4_0.gguf", "Q4_0", 2**33, 2, 2**34, "shared", is_recommended=True),
    events.EndpointListed("http://localhost:1", "far", ("m",), "key"),
    events.Loading(0.25),
    events.Alive(),
    events.Ready("http://127.0.0.1:1", "key", "m", "Q4_0", 4096, 0, 2),
    events.Listening("127.0.0.1:50052"),
    events.Printed('tab\t line\n quote" ünïcödé 🌾 \u2028 \0'),
    events.ProfileFound(msgspec.Raw(b'{"levels":[]}')),
    ModelInspected(msgspec.Raw(b'{"files":[]}')),
    TemplateTried("Hi", ("it contains a web address",), "no"),
    events.LoadLogged(msgspec.Raw(b'{"is_complete":true}')),
    events.RatesMeasured(msgspec.Raw(b'{"threads":2}')),
    HubModelFound(number=1, repository="a/b", kind="chat", parameters=10**12, formats=("gguf",)),
    HubPageFound(
        number=2,
        repository="a/b",
        commit="0" * 40,
        kind="other",
        card="# 🌾",
        files=(HubFile("a.gguf", 2**33),),
        obstacle=ErrorCode.MODEL_WITHOUT_CHAT,
        details={"repository": "a/b"},
    ),
    TypesChosen(
        target="/models/Grain-4.25bpw-Q4_K_M.gguf",
        level="Q4_K_M",
        size_bytes=4_200_000_000,
        bits_per_weight=4.25,
        divergence=0.031,
        shares=(ChosenShare("ffn_down", "q4_K", 32, 1_900_000_000),),
        plain=(PlainFile("Q4_K_M", 4_900_000_000, 0.044),),
    ),
    MeasuringPlanned(725.0),
    RoundingCorrected(224, 219),
    ScalesTuned(0.03, 0.02),
    FileCompared(
        file=ComparedQuality(4_200_000_000, 0.03, 0.94, 7.1),
        level="Q4_K_M",
        plain=ComparedQuality(4_900_000_000, 0.05, 0.92, 7.3),
        perplexity=7.0,
        tokens=2048,
    ),
    PublishPlanned(
        repository="bolt/Grain-GGUF",
        address="https://huggingface.co/bolt/Grain-GGUF",
        is_private=True,
        exists=False,
        files=(PublishedFile("Grain-Q4_K_M.gguf", 4, is_there=True),),
        card="# Grain",
        owners=("bolt",),
    ),
    PublishAdvanced("bolt/Grain-GGUF", "https://huggingface.co/bolt/Grain-GGUF", 1, 2),
    HubAnswered(3, ErrorCode.HUB_UNREACHABLE, {"reason": "x"}, cached=True),
    events.NoticeReported(NoticeCode.CHATS_RESET, {"file": "x"}),
    events.Finished(("a", "b"), {"size_bytes": 1}),
    events.Failed(ErrorCode.INTERNAL, {"detail": "x"}),
)


@pytest.mark.parametrize("event", _EVENTS)
def test_an_event_survives_the_pipe_on_one_line(event: events.Event) -> None:
    line = event_lines.encode(event)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert event_lines.decode_event(line) == event


def test_every_kind_of_event_is_tried_above() -> None:
    assert {type(event) for event in _EVENTS} == set(events.Event.__args__)


@pytest.mark.parametrize(
    "command",
    [
        events.Cancel(),
        events.Secret("hf_x"),
        events.Begin("x"),
        HubRequest(1, "search", HubSearch(text="a 🌾", gated=False, sort="updated")),
        HubRequest(2, "page", HubPage(repository="a/b", revision="v1")),
        HubRequest(3, "first", FirstModels()),
    ],
)
def test_a_command_survives_the_pipe(command: events.Command) -> None:
    assert event_lines.decode_command(event_lines.encode(command)) == command


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"warning: something a library prints",
        b"{}",
        b'{"type":"unknown"}',
        b'{"type":"loading"}',
        b'{"type":"loading","fraction":"half"}',
        b'{"type":"failed","code":"no_such_code"}',
        b'{"type":"cancel"}',
        b'{"type":"rates","rates":{',
        b'{"type":"said","text":"\xff',
        b"\xff\xfe\x00",
    ],
)
def test_a_line_that_is_no_event(line: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        event_lines.decode_event(line)


@pytest.mark.parametrize("line", [b"", b'{"type":"said","text":""}', b"\xff"])
def test_a_line_that_is_no_command(line: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        event_lines.decode_command(line)


def test_a_file_name_that_is_not_utf_8_does_not_silence_the_child() -> None:
    line = event_lines.encode(events.Failed(ErrorCode.NOT_GGUF, {"file": "bad\udcffname.gguf"}))
    assert event_lines.decode_event(line) == events.Failed(
        ErrorCode.NOT_GGUF, {"file": "bad?name.gguf"}
    )


def test_a_field_of_a_newer_child_is_passed_over() -> None:
    assert event_lines.decode_event(b'{"type":"said","text":"x","new":[1]}') == events.Printed("x")
