"""The arguments of the verbs that fetch a repository."""

from __future__ import annotations

import pytest

from app.core.events import DownloadListed
from app.gui.services.download_arguments import download_arguments, requested_in
from app.library.unfinished_downloads import DownloadRequest


@pytest.mark.parametrize(
    ("request_", "arguments"),
    [
        (DownloadRequest("a/b"), ("download", "a/b")),
        (
            DownloadRequest("a/b", "v2", "*Q4_0*", allows_pickle=True),
            ("download", "a/b", "--revision", "v2", "--include", "*Q4_0*", "--allow-pickle"),
        ),
        (DownloadRequest("a/b", kind="get"), ("get", "a/b")),
        (
            DownloadRequest("a/b", "v2", kind="get", levels=("Q4_K_M", "Q8_0")),
            ("get", "a/b", "--revision", "v2", "--level", "Q4_K_M", "--level", "Q8_0"),
        ),
    ],
)
def test_a_request_as_arguments(request_: DownloadRequest, arguments: tuple[str, ...]) -> None:
    assert download_arguments(request_) == arguments


def test_a_listed_download_tells_its_request() -> None:
    listed = DownloadListed("/c/a/b", "a/b", "v2", None, False, 1, 2, False)
    assert requested_in(listed) == DownloadRequest("a/b", "v2")
    listed = DownloadListed(
        "/m/a/b", "a/b", None, None, False, 1, 2, False, kind="get", levels=("Q8_0",)
    )
    assert requested_in(listed) == DownloadRequest("a/b", kind="get", levels=("Q8_0",))


def test_the_name_tells_what_is_made() -> None:
    assert DownloadRequest("a/b").name == "a/b"
    assert DownloadRequest("a/b", pattern="*Q4_0*").name == "a/b · *Q4_0*"
    assert DownloadRequest("a/b", kind="get").name == "a/b → GGUF"
    assert (
        DownloadRequest("a/b", kind="get", levels=("Q4_K_M", "Q8_0")).name == "a/b → Q4_K_M, Q8_0"
    )
