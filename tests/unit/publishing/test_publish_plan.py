"""The repository that a model is published to unless the user names one."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.publishing.hub_uploader import HubUser
from app.publishing.publish_plan import PublishRequest, _usual_repository
from app.publishing.published_files import local_models
from tests.support.gguf.gguf_files import llama_file


@pytest.mark.parametrize(
    ("name", "repository"),
    [
        ("Grain", "me/Grain-GGUF"),
        ("grüne Mühle", "me/grune-Muhle-GGUF"),
        ("Crème brûlée №1", "me/Creme-brulee-No1-GGUF"),
        ("小麦", "me/model-GGUF"),
    ],
)
def test_a_repository_is_named_after_the_first_model(
    name: str, repository: str, tmp_path: Path
) -> None:
    file = llama_file().write(tmp_path / f"{name}-Q4_K_M.gguf")
    request = PublishRequest(local_models([file]))
    assert _usual_repository(request, HubUser(("me",), may_write=True)) == repository
