from __future__ import annotations

from pathlib import Path

import pytest

from app.checkpoint.folder_kind import is_adapter, is_multimodal


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["adapter_config.json"], True),
        (["adapter_config.json", "config.json"], False),
        (["config.json"], False),
        ([], False),
    ],
)
def test_an_adapter_has_no_configuration_of_a_model(
    files: list[str], expected: bool, tmp_path: Path
) -> None:
    for name in files:
        (tmp_path / name).write_text("{}")
    assert is_adapter(tmp_path) is expected


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ('{"vision_config": {"hidden_size": 8}}', True),
        ('{"audio_config": {}}', True),
        ('{"vision_config": null}', False),
        ('{"hidden_size": 8}', False),
        ("[1]", False),
        ("{broken", False),
        (None, False),
    ],
)
def test_a_part_that_sees_or_hears_is_told_from_the_configuration(
    config: str | None, expected: bool, tmp_path: Path
) -> None:
    if config is not None:
        (tmp_path / "config.json").write_text(config)
    assert is_multimodal(tmp_path) is expected


def test_a_file_has_no_part_that_sees(tmp_path: Path) -> None:
    file = tmp_path / "model.gguf"
    file.write_bytes(b"GGUF")
    assert not is_multimodal(file)
    assert not is_adapter(file)
