"""`gristmill endpoints` in a terminal and as a child."""

from __future__ import annotations

from app.core import paths
from app.core.errors import ErrorCode
from app.core.event_lines import encode
from app.core.events import EndpointListed, Secret
from tests.support.engine.endpoint_server import MODEL, EndpointServer
from tests.support.machine.verbs import run_verb, sentence_of, started

NO_KEYRING = {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}


def test_a_server_is_added_listed_and_removed() -> None:
    with EndpointServer() as server:
        added = run_verb("endpoints", "--add", server.url, "--name", "Far mill")
        assert (added.status, added.complaints) == (0, [])
        assert added.lines[0].split() == ["Far", "mill", server.url, MODEL]
        assert run_verb("endpoints").lines == added.lines
        assert run_verb("endpoints", "--remove", f"{server.url}/v1").status == 0
        assert run_verb("endpoints").lines == []


def test_what_is_no_server_is_said_in_one_line_and_not_kept() -> None:
    with EndpointServer(models=b"<html>") as server:
        refused = run_verb("endpoints", "--add", server.url)
    down = run_verb("endpoints", "--add", server.url)
    wrong = run_verb("endpoints", "--add", "gopher://mill")
    codes = (ErrorCode.ENDPOINT_ANSWER, ErrorCode.ENDPOINT_UNREACHABLE, ErrorCode.ENDPOINT_ADDRESS)
    for ended, code in zip((refused, down, wrong), codes, strict=True):
        assert ended.status == 1
        (line,) = ended.complaints
        assert sentence_of(code).fullmatch(line), line
    assert not paths.endpoints_file().exists()


def test_a_key_comes_over_the_pipe_and_is_in_no_file() -> None:
    with EndpointServer(key="s3cret") as server, started("endpoints", "--add", server.url) as child:
        child.stdin.write(encode(Secret("s3cret")))
        child.stdin.flush()
        listed = child.read_until(lambda event: isinstance(event, EndpointListed))
        assert child.end() == 0
    assert listed.models == (MODEL,)
    assert not any(
        b"s3cret" in path.read_bytes() for path in paths.home().rglob("*") if path.is_file()
    )


def test_a_wrong_key_is_said() -> None:
    with EndpointServer(key="s3cret") as server:
        refused = run_verb("endpoints", "--add", server.url, **NO_KEYRING)
    (line,) = refused.complaints
    assert sentence_of(ErrorCode.ENDPOINT_REFUSES).fullmatch(line)
