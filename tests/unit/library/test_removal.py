"""Removal of models together with the importance matrices that only they were made with."""

from __future__ import annotations

from pathlib import Path

from app.library.removal import plan_removal
from tests.support.gguf.gguf_files import llama_file


def test_the_last_model_of_a_source_takes_its_importance_matrix_along(tmp_path: Path) -> None:
    first = llama_file().write(tmp_path / "grain-hf-Q4_K_M.gguf")
    second = llama_file().write(tmp_path / "grain-hf-IQ2_M.gguf")
    matrix = llama_file(general__type="imatrix").write(tmp_path / "grain-hf.imatrix.gguf")

    assert plan_removal(first).files == (first,)
    plan_removal(first).execute()
    plan = plan_removal(second)
    assert plan.files == (second, matrix)
    assert plan.size_bytes == second.stat().st_size + matrix.stat().st_size


def test_a_matrix_of_another_source_stays(tmp_path: Path) -> None:
    model = llama_file().write(tmp_path / "grain-Q4_K_M.gguf")
    llama_file(general__type="imatrix").write(tmp_path / "grain-hf.imatrix.gguf")
    assert plan_removal(model).files == (model,)
