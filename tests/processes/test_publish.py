"""The verb `publish` as a child process: upload, resume, refusals, the card, the token."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest

from app.core.errors import ErrorCode, NoticeCode
from app.core.events import Failed, Finished, NoticeReported, Progressed
from app.core.publish_events import PublishAdvanced, PublishedFile, PublishPlanned
from app.core.settings import Settings, save_settings
from app.jobs.outcome import EXIT_CANCELED, EXIT_FAILED
from app.measurement.store import (
    Comparison,
    MeasuredText,
    StoredMeasurement,
    fingerprint_of,
    save_measurement,
)
from tests.support.checkpoints.checkpoints import make_tiny_checkpoint
from tests.support.gguf.gguf_files import llama_file
from tests.support.hub.certificates import self_signed
from tests.support.hub.local_hub import LocalHub
from tests.support.hub.local_hub_uploads import HubUser
from tests.support.machine.verbs import Child, Ended, run_verb, sentence_of, started

TOKEN = "hf_" + "planted" * 5
Q8_0 = 7
MEGABYTE = 1_000_000


@pytest.fixture
def hub(hub: LocalHub, monkeypatch: pytest.MonkeyPatch) -> LocalHub:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    hub.add_user(TOKEN, HubUser("bolt", ("mill",)))
    return hub


@pytest.fixture
def models(tmp_path: Path) -> list[Path]:
    """Two levels of a model, a few megabytes each."""
    content = random.Random(1)
    made = []
    for level, ftype in (("Q4_K_M", 15), ("Q8_0", Q8_0)):
        file = llama_file(general__file_type=ftype).write(tmp_path / f"Grain-{level}.gguf")
        with file.open("ab") as end:
            end.write(content.randbytes(3 * MEGABYTE))
        made.append(file)
    return made


def published(hub: LocalHub, repository: str = "bolt/Grain-GGUF") -> dict[str, bytes]:
    files = hub.repositories[repository].newest.files
    return {name: file.local.read_bytes() for name, file in files.items()}


def planned_by(child: Child) -> PublishPlanned:
    event = child.read_until(lambda event: isinstance(event, PublishPlanned))
    assert isinstance(event, PublishPlanned)
    return event


def advances(child: Child) -> list[tuple[int, int]]:
    made = [event for event in child.events if isinstance(event, PublishAdvanced)]
    return [(event.done, event.total) for event in made]


def complaint(ended: Ended) -> str:
    assert ended.status == EXIT_FAILED
    return ended.complaints[-1]


def test_what_was_published_downloads_again_equal(
    hub: LocalHub, models: list[Path], tmp_path: Path
) -> None:
    ended = run_verb("publish", *map(str, models), "--base-model", "bolt/Grain")
    assert ended.status == 0, ended.complaints
    assert ended.lines[-1] == f"{hub.endpoint}/bolt/Grain-GGUF"
    assert hub.repositories["bolt/Grain-GGUF"].private
    assert hub.uploads.commits == ["Grain-Q4_K_M.gguf", "Grain-Q8_0.gguf", "README.md"]
    for file in models:
        again = tmp_path / "again"
        got = run_verb("download", "bolt/Grain-GGUF", "--include", file.name, "--to", str(again))
        assert got.status == 0, got.complaints
        assert (again / file.name).read_bytes() == file.read_bytes()


def test_a_large_file_is_sent_in_parts(hub: LocalHub, models: list[Path]) -> None:
    hub.uploads.part_bytes = MEGABYTE
    assert run_verb("publish", str(models[0])).status == 0
    assert published(hub)["Grain-Q4_K_M.gguf"] == models[0].read_bytes()
    assert len([one for one in hub.requests if one.method == "PUT"]) == 4


def test_the_plan_comes_first_and_a_dry_run_ends_there(hub: LocalHub, models: list[Path]) -> None:
    with started("publish", str(models[0]), "--dry-run") as child:
        planned = planned_by(child)
        assert child.end() == 0
    size = models[0].stat().st_size
    assert planned.repository == "bolt/Grain-GGUF"
    assert planned.address == f"{hub.endpoint}/bolt/Grain-GGUF"
    assert planned.is_private
    assert not planned.exists
    assert planned.files == (PublishedFile("Grain-Q4_K_M.gguf", size),)
    assert planned.owners == ("bolt", "mill")
    assert hub.repositories == {}
    assert {one.method for one in hub.requests} == {"GET"}
    assert child.events == [NoticeReported(NoticeCode.BASE_MODEL_UNKNOWN), planned]


def test_progress_counts_the_bytes_that_are_sent(hub: LocalHub, models: list[Path]) -> None:
    with started("publish", *map(str, models)) as child:
        assert child.end() == 0
    steps = [event for event in child.events if isinstance(event, Progressed)]
    sent = [event for event in steps if event.step == "publish"]
    total = sum(file.stat().st_size for file in models)
    assert {event.total_bytes for event in sent} == {total}
    assert sent[-1].done_bytes == total
    assert [event.done_bytes for event in sent] == sorted(event.done_bytes for event in sent)
    assert {event.detail for event in sent} == {file.name for file in models}
    assert child.events[-1] == Finished((f"{hub.endpoint}/bolt/Grain-GGUF",))


def test_an_attempt_that_failed_is_not_counted(hub: LocalHub, models: list[Path]) -> None:
    hub.faults.server_errors = 1
    with started("publish", str(models[0])) as child:
        assert child.end() == 0
    steps = [event for event in child.events if isinstance(event, Progressed)]
    assert max(event.done_bytes for event in steps) == models[0].stat().st_size
    assert published(hub)["Grain-Q4_K_M.gguf"] == models[0].read_bytes()


def test_json_has_the_plan(hub: LocalHub, models: list[Path]) -> None:
    ended = run_verb("publish", str(models[0]), "--json", "--repo", "mill/x", "--public")
    document = json.loads("\n".join(ended.lines))
    assert document["repository"] == "mill/x"
    assert document["is_published"] is True
    assert document["is_private"] is False
    assert document["card"].encode() == published(hub, "mill/x")["README.md"]
    assert not hub.repositories["mill/x"].private


def test_after_a_kill_only_the_missing_file_is_sent(hub: LocalHub, models: list[Path]) -> None:
    with models[1].open("ab") as end:
        # More than the system buffers of a connection.
        end.write(random.Random(2).randbytes(20 * MEGABYTE))
    first, second = (file.stat().st_size for file in models)
    hub.faults.hold_uploads_after_bytes = first + second // 2
    with started("publish", *map(str, models)) as child:
        assert hub.wait_for_received(first + second // 2)
        child.process.kill()
        child.process.wait()
    assert hub.uploads.commits == ["Grain-Q4_K_M.gguf"]
    hub.release()
    hub.requests.clear()
    with started("publish", *map(str, models)) as child:
        planned = planned_by(child)
        assert child.end() == 0
    assert [file.is_there for file in planned.files] == [True, False]
    assert planned.missing_bytes == second
    assert hub.received_bytes() == second
    assert published(hub)["Grain-Q8_0.gguf"] == models[1].read_bytes()


def test_an_upload_can_be_canceled(hub: LocalHub, models: list[Path]) -> None:
    hub.faults.hold_uploads_after_bytes = MEGABYTE
    with started("publish", str(models[0])) as child:
        assert hub.wait_for_received(MEGABYTE)
        child.cancel()
        assert child.end() == EXIT_CANCELED
    assert hub.uploads.commits == []
    assert advances(child) == [(0, 2)]


def test_what_the_repository_has_is_told_as_it_changes(hub: LocalHub, models: list[Path]) -> None:
    with started("publish", str(models[0])) as child:
        assert child.end() == 0
    assert advances(child) == [(0, 2), (1, 2), (2, 2)]
    with started("publish", *map(str, models)) as child:
        assert child.end() == 0
    assert advances(child) == [(2, 3), (3, 3)]


def test_a_terminal_says_what_is_there_meanwhile(hub: LocalHub, models: list[Path]) -> None:
    hub.uploads.largest_bytes = MEGABYTE
    ended = run_verb("publish", str(models[0]))
    assert "bolt/Grain-GGUF is on the Hub with 0 of 2 files." in ended.complaints


def test_nothing_is_sent_twice(hub: LocalHub, models: list[Path]) -> None:
    for _ in range(2):
        assert run_verb("publish", *map(str, models)).status == 0
    assert hub.uploads.commits == ["Grain-Q4_K_M.gguf", "Grain-Q8_0.gguf", "README.md"]
    assert hub.received_bytes() == sum(file.stat().st_size for file in models)


def test_another_content_replaces_the_file(hub: LocalHub, models: list[Path]) -> None:
    assert run_verb("publish", str(models[0])).status == 0
    changed = bytearray(models[0].read_bytes())
    changed[-1] ^= 1
    models[0].write_bytes(changed)
    assert run_verb("publish", str(models[0])).status == 0
    assert published(hub)["Grain-Q4_K_M.gguf"] == changed


def test_a_second_level_joins_the_card(hub: LocalHub, models: list[Path]) -> None:
    for file, words in zip(models, (["--base-model", "bolt/Grain"], []), strict=True):
        assert run_verb("publish", str(file), *words).status == 0
    card = published(hub)["README.md"].decode()
    assert 'base_model: "bolt/Grain"' in card
    assert card.count("| [Grain-Q4_K_M.gguf](Grain-Q4_K_M.gguf) |") == 1
    assert card.count("| [Grain-Q8_0.gguf](Grain-Q8_0.gguf) |") == 1


@pytest.mark.parametrize("replaces", [False, True])
def test_a_card_of_ones_own_stays_unless_it_is_to_go(
    replaces: bool, hub: LocalHub, models: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "README.md").write_text("# Mine\n")
    hub.add_repository("bolt/Grain-GGUF", tmp_path / "served", private=True)
    with started("publish", str(models[0]), *["--replace-card"] * replaces) as child:
        assert bool(planned_by(child).card) is replaces
        assert child.end() == 0
    kept = NoticeReported(NoticeCode.CARD_KEPT, {"repository": "bolt/Grain-GGUF"})
    assert (kept in child.events) is not replaces
    assert (published(hub)["README.md"] == b"# Mine\n") is not replaces


def test_a_public_repository_needs_consent(
    hub: LocalHub, models: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "served").mkdir()
    hub.add_repository("bolt/Grain-GGUF", tmp_path / "served")
    ended = run_verb("publish", str(models[0]))
    assert sentence_of(ErrorCode.REPOSITORY_PUBLIC).fullmatch(complaint(ended))
    assert hub.uploads.commits == []
    assert run_verb("publish", str(models[0]), "--public").status == 0


def test_the_card_says_how_a_model_was_made_and_what_was_measured(
    hub: LocalHub, home: Path, converter: Path, tmp_path: Path
) -> None:
    make_tiny_checkpoint(tmp_path / "Grain")
    hub.add_repository("bolt/Grain", tmp_path / "Grain")
    words = ("--level", "Q8_0", "--output-type", "f16", "--type", "attn_q=f16")
    converted = run_verb("convert", "bolt/Grain", *words, "--to", str(tmp_path / "out"))
    assert converted.status == 0, converted.complaints
    file = Path(converted.lines[-1])
    text = MeasuredText("wiki.txt", "0" * 64, 4, 512)
    compared = Comparison("Grain-BF16.gguf", text, 0.0123, 0.01, 0.2, 0.97)
    measured = StoredMeasurement(text, 7.25, 100.0, 10.0, 1, compared)
    save_measurement(file, fingerprint_of(file), measured)
    assert run_verb("publish", str(file)).status == 0
    card = published(hub)["README.md"].decode()
    assert 'base_model: "bolt/Grain"\nbase_model_relation: quantized\n' in card
    assert (
        "\ngristmill convert bolt/Grain --level Q8_0 --output-type f16 --type attn_q=f16\n" in card
    )
    assert "| 7.25 | 0.0123 |" in card
    assert "attn_q\\.weight$=f16" in card
    assert str(tmp_path) not in card


def test_a_path_in_the_header_is_refused_with_the_way_to_remove_it(
    hub: LocalHub, tmp_path: Path
) -> None:
    matrix = {"quantize__imatrix__file": "/home/anna/wiki.dat"}
    file = llama_file(**matrix).write(tmp_path / "Grain-Q4_K_M.gguf")
    ended = run_verb("publish", str(file))
    assert sentence_of(ErrorCode.PATH_IN_METADATA).fullmatch(complaint(ended))
    assert "--remove quantize.imatrix.file" in complaint(ended)
    assert hub.requests == []
    edited = run_verb("models", "edit", str(file), "--remove", "quantize.imatrix.file")
    assert edited.status == 0
    assert run_verb("publish", str(file)).status == 0
    assert b"/home/anna" not in published(hub)["Grain-Q4_K_M.gguf"]


def test_without_a_token_there_is_a_way_to_one(hub: LocalHub, models: list[Path]) -> None:
    ended = run_verb("publish", str(models[0]), HF_TOKEN="")
    assert sentence_of(ErrorCode.TOKEN_NEEDED).fullmatch(complaint(ended))
    assert hub.requests == []


def test_a_wrong_token_is_named(hub: LocalHub, models: list[Path]) -> None:
    ended = run_verb("publish", str(models[0]), HF_TOKEN="hf_wrong")
    assert sentence_of(ErrorCode.TOKEN_INVALID).fullmatch(complaint(ended))


def test_a_token_that_may_only_read_is_named(hub: LocalHub, models: list[Path]) -> None:
    hub.add_user(TOKEN, HubUser("bolt", role="read"))
    ended = run_verb("publish", str(models[0]))
    assert sentence_of(ErrorCode.TOKEN_READ_ONLY).fullmatch(complaint(ended))


def test_who_may_not_write_there_learns_where_they_may(hub: LocalHub, models: list[Path]) -> None:
    with started("publish", str(models[0]), "--repo", "other/Grain", "--dry-run") as child:
        assert child.end() == EXIT_FAILED
    (failed,) = child.events
    assert isinstance(failed, Failed)
    assert failed.code is ErrorCode.PUBLISHING_REFUSED
    assert failed.details["owners"] == "bolt, mill"
    assert "“other” is neither you nor" in str(failed.details["reason"])


def test_case_makes_no_other_owner(hub: LocalHub, models: list[Path]) -> None:
    ended = run_verb("publish", str(models[0]), "--repo", "Mill/Grain", "--dry-run")
    assert ended.status == 0, ended.complaints


def test_a_token_that_may_not_create_there_is_refused(hub: LocalHub, models: list[Path]) -> None:
    hub.add_user(TOKEN, HubUser("bolt", ("mill",), role="fineGrained", may_write_to=("mill",)))
    ended = run_verb("publish", str(models[0]))
    assert "the rights to create a model" in complaint(ended)
    assert "Publish as one of bolt, mill" in complaint(ended)


def test_a_token_for_other_repositories_is_refused_before_anything_is_sent(
    hub: LocalHub, models: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "served").mkdir()
    hub.add_repository("bolt/Grain-GGUF", tmp_path / "served", private=True)
    hub.add_user(TOKEN, HubUser("bolt", role="fineGrained", may_write_to=("mill",)))
    ended = run_verb("publish", str(models[0]))
    assert sentence_of(ErrorCode.PUBLISHING_REFUSED).fullmatch(complaint(ended))
    assert hub.received_bytes() == 0


def test_a_license_that_the_hub_refuses_is_named(hub: LocalHub, models: list[Path]) -> None:
    ended = run_verb("publish", str(models[0]), "--license", "nonsense")
    assert sentence_of(ErrorCode.PUBLISHING_REFUSED).fullmatch(complaint(ended))
    assert "license" in complaint(ended)


def test_a_file_that_the_storage_refuses_is_named(hub: LocalHub, models: list[Path]) -> None:
    hub.uploads.largest_bytes = MEGABYTE
    ended = run_verb("publish", str(models[0]))
    assert sentence_of(ErrorCode.PUBLISHING_REFUSED).fullmatch(complaint(ended))
    assert "File too large" in complaint(ended)


def test_the_usual_name_has_only_what_the_hub_allows(
    hub: LocalHub, models: list[Path], tmp_path: Path
) -> None:
    odd = models[0].rename(tmp_path / "Größe (7B)..neu -GGUF-Q4_K_M.gguf")
    with started("publish", str(odd), "--dry-run") as child:
        assert planned_by(child).repository == "bolt/Gro-e-7B-neu-GGUF"
        assert child.end() == 0


def test_own_certificates_are_trusted(
    models: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = self_signed(tmp_path)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with LocalHub(certificate) as hub:
        hub.add_user(TOKEN, HubUser("bolt"))
        monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
        assert "its certificate is not trusted" in complaint(run_verb("publish", str(models[0])))
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert run_verb("publish", str(models[0])).status == 0
        assert published(hub)["Grain-Q4_K_M.gguf"] == models[0].read_bytes()


def test_with_local_only_the_hub_is_not_asked(hub: LocalHub, models: list[Path]) -> None:
    save_settings(Settings(local_only=True))
    ended = run_verb("publish", str(models[0]))
    assert sentence_of(ErrorCode.LOCAL_ONLY).fullmatch(complaint(ended))
    assert hub.requests == []


@pytest.mark.parametrize(
    "environment", [{"HF_ENDPOINT": "http://127.0.0.1:9"}, {"HF_HUB_OFFLINE": "1"}]
)
def test_without_a_connection_it_says_so(
    environment: dict[str, str], hub: LocalHub, models: list[Path]
) -> None:
    ended = run_verb("publish", str(models[0]), **environment)
    assert sentence_of(ErrorCode.HUB_UNREACHABLE).fullmatch(complaint(ended))


def test_the_token_goes_only_to_the_hub(
    hub: LocalHub, home: Path, models: list[Path], tmp_path: Path
) -> None:
    hub.faults.hold_uploads_after_bytes = MEGABYTE
    with started("publish", str(models[0])) as child:
        assert hub.wait_for_received(MEGABYTE)
        arguments = Path(f"/proc/{child.process.pid}/cmdline")
        if arguments.exists():
            assert TOKEN.encode() not in arguments.read_bytes()
        hub.release()
        assert child.end() == 0
        assert TOKEN not in repr(child.events) + child.log()
    assert run_verb("publish", str(models[1])).status == 0
    carriers = {one.server for one in hub.requests if TOKEN in one.headers.get("authorization", "")}
    assert carriers == {"hub"}
    person = tmp_path / "person"
    written = [file for folder in (home, person) for file in folder.rglob("*") if file.is_file()]
    assert not any(TOKEN.encode() in file.read_bytes() for file in written)
    assert TOKEN.encode() not in b"".join(published(hub).values())
    # Its library keeps neither a cache nor a token.
    assert list(person.rglob("*")) == []
    assert os.environ["HF_TOKEN"] == TOKEN
