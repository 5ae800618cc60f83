"""Models of other programs: where they are on each system, and whose files they are."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import pytest

from app.library.index import scan
from app.library.other_programs.ollama import ollama_models
from app.library.other_programs.program_folders import known_folders
from app.library.removal import plan_removal
from tests.support.gguf.gguf_files import llama_file

HOME = Path("/home/anna")
MODEL = "application/vnd.ollama.image.model"
PROJECTOR = "application/vnd.ollama.image.projector"


def folders(system: str, **environment: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in known_folders(environment, HOME, system):
        found.setdefault(one.program, []).append(one.folder.as_posix())
    return found


def test_places_on_linux() -> None:
    assert folders("linux") == {
        "Hugging Face": ["/home/anna/.cache/huggingface/hub"],
        "LM Studio": ["/home/anna/.lmstudio/models", "/home/anna/.cache/lm-studio/models"],
        "Ollama": ["/home/anna/.ollama/models", "/usr/share/ollama/.ollama/models"],
        "llama.cpp": ["/home/anna/.cache/llama.cpp"],
        "GPT4All": ["/home/anna/.local/share/nomic.ai/GPT4All"],
        "Jan": [
            "/home/anna/.local/share/Jan/data/llamacpp/models",
            "/home/anna/.local/share/Jan/data/models",
            "/home/anna/.config/Jan/data/llamacpp/models",
            "/home/anna/.config/Jan/data/models",
            "/home/anna/jan/models",
        ],
    }


def test_places_on_macos_and_windows() -> None:
    mac, windows = folders("darwin"), folders("win32")
    assert mac["llama.cpp"] == ["/home/anna/Library/Caches/llama.cpp"]
    assert mac["GPT4All"] == ["/home/anna/Library/Application Support/nomic.ai/GPT4All"]
    assert mac["Jan"][0] == "/home/anna/Library/Application Support/Jan/data/llamacpp/models"
    assert mac["Ollama"] == ["/home/anna/.ollama/models"]
    assert windows["GPT4All"] == ["/home/anna/AppData/Local/nomic.ai/GPT4All"]
    assert windows["Jan"][0] == "/home/anna/AppData/Roaming/Jan/data/llamacpp/models"
    for found in (mac, windows):
        assert found["LM Studio"][0] == "/home/anna/.lmstudio/models"
        assert found["Hugging Face"] == ["/home/anna/.cache/huggingface/hub"]


def test_variables_move_places() -> None:
    found = folders(
        "linux",
        HF_HOME="/x/hf",
        OLLAMA_MODELS="/x/ollama",
        LLAMA_CACHE="/x/llama",
        XDG_DATA_HOME="/x/data",
    )
    assert found["Hugging Face"] == ["/x/hf/hub"]
    assert found["Ollama"][0] == "/x/ollama"
    assert found["llama.cpp"] == ["/x/llama"]
    assert found["GPT4All"] == ["/x/data/nomic.ai/GPT4All"]
    both = folders("linux", HF_HOME="/x/hf", HF_HUB_CACHE="/x/cache")
    assert both["Hugging Face"] == ["/x/cache"]


def add_to_ollama(folder: Path, name: str, **layers: bytes) -> dict[str, Path]:
    """Write a manifest `host/owner/model/tag` and its blobs; return the blobs."""
    kinds = {"model": MODEL, "projector": PROJECTOR}
    blobs, listed = {}, []
    for kind, content in layers.items():
        digest = hashlib.sha256(content).hexdigest()
        blobs[kind] = folder / "blobs" / f"sha256-{digest}"
        blobs[kind].parent.mkdir(parents=True, exist_ok=True)
        blobs[kind].write_bytes(content)
        listed.append({"mediaType": kinds[kind], "digest": f"sha256:{digest}", "size": 1})
    write_manifest(folder, name, {"schemaVersion": 2, "layers": listed})
    return blobs


def write_manifest(folder: Path, name: str, content: object) -> Path:
    file = folder / "manifests" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content))
    return file


def test_ollamas_models_are_listed_by_their_names(tmp_path: Path) -> None:
    content = llama_file().to_bytes()
    usual = "registry.ollama.ai/library/llama3.2/1b"
    blobs = add_to_ollama(tmp_path, usual, model=content, projector=b"GGUF")
    other = llama_file(general__name="other").to_bytes()
    add_to_ollama(tmp_path, "hf.co/acme/grain/Q4_K_M", model=other)
    add_to_ollama(tmp_path, "registry.ollama.ai/acme/grain/latest", model=b"GGUF")
    found = {model.name: model for model in scan([tmp_path])}
    assert set(found) == {"llama3.2:1b", "hf.co/acme/grain:Q4_K_M", "acme/grain:latest"}
    assert found["llama3.2:1b"].path == str(blobs["model"])
    assert found["llama3.2:1b"].projector == str(blobs["projector"])
    assert found["llama3.2:1b"].problem is None
    assert found["acme/grain:latest"].problem is not None


@pytest.mark.parametrize(
    "content",
    [
        [],
        {"layers": "x"},
        {"layers": [{"mediaType": MODEL}]},
        {"layers": [{"mediaType": MODEL, "digest": "sha256:../../../etc/passwd"}]},
        {"layers": [{"mediaType": MODEL, "digest": "sha256:" + "0" * 63 + "/"}]},
        {"layers": [{"mediaType": "text", "digest": "sha256:" + "0" * 64}]},
    ],
)
def test_a_manifest_that_is_none_names_no_file(content: object, tmp_path: Path) -> None:
    write_manifest(tmp_path, "registry.ollama.ai/library/x/y", content)
    (tmp_path / "blobs").mkdir()
    assert list(ollama_models(tmp_path)) == []


def test_deleting_a_model_of_ollama_takes_its_manifests(tmp_path: Path) -> None:
    names = [f"registry.ollama.ai/library/{name}/1b" for name in ("x", "y")]
    for name in names:
        blob = add_to_ollama(tmp_path, name, model=llama_file().to_bytes())["model"]
    kept = add_to_ollama(tmp_path, "registry.ollama.ai/library/z/1b", model=b"GGUF")["model"]
    plan = plan_removal(blob)
    assert set(plan.files) == {blob, *(tmp_path / "manifests" / name for name in names)}
    plan.execute()
    assert kept.exists()
    assert [model.name for model in ollama_models(tmp_path)] == ["z:1b"]


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_a_model_in_the_hubs_cache_is_seen_once_and_deleted_with_its_blob(tmp_path: Path) -> None:
    repository = tmp_path / "models--acme--grain"
    blob = llama_file().write(repository / "blobs" / ("0" * 64))
    links = [repository / "snapshots" / commit / "Grain-Q4_K_M.gguf" for commit in ("a", "b")]
    for link in links:
        link.parent.mkdir(parents=True)
        link.symlink_to(Path("../../blobs", blob.name))
    (model,) = scan([tmp_path])
    assert (model.name, model.path) == ("Grain", str(links[0]))
    plan = plan_removal(links[0])
    assert set(plan.files) == {blob, *links}
    assert plan.size_bytes < 1.01 * blob.stat().st_size
    plan.execute()
    assert not any(path.exists() for path in plan.files)


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_a_link_of_the_users_own_is_deleted_alone(tmp_path: Path) -> None:
    target = llama_file().write(tmp_path / "elsewhere" / "x.bin")
    link = tmp_path / "models" / "x.gguf"
    link.parent.mkdir()
    link.symlink_to(target)
    assert plan_removal(link).files == (link,)


def test_jans_models_have_the_names_of_their_folders(tmp_path: Path) -> None:
    llama_file().write(tmp_path / "Jan-v1-4B-Q4_K_M" / "model.gguf")
    (model,) = scan([tmp_path])
    assert (model.name, model.level) == ("Jan-v1-4B", "Q4_K_M")
