"""A folder that can be a Space, and every fault that keeps one from it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from diffdemo.cli import space
from diffdemo.cli.space import ROOT, checks, main


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What the Hub looks at, without the weights."""
    for name in ("README.md", "requirements.txt", "app.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "assets").mkdir()
    shutil.copy(ROOT / "assets/thumbnail.jpg", tmp_path / "assets")
    return tmp_path


def failures(root: Path) -> dict[str, str]:
    return {check.name: check.words for check in checks(root) if not check.is_right}


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_this_repository_can_be_a_space(capsys):
    assert main(["--check"]) == 0
    printed = capsys.readouterr().out
    assert "failed" not in printed
    assert "ok      assets/cdc-small.safetensors: 20.2 MB; upload it with `hf upload`" in printed


@pytest.mark.parametrize(
    ("old", "new", "name", "words"),
    [
        ("title: diffdemo", "title:", "title", "is missing"),
        ("emoji: 📉", "emoji: x", "emoji", "'x' is not an emoji"),
        ("colorFrom: blue", "colorFrom: teal", "colorFrom", "'teal' is none of red"),
        ("colorTo: gray", "colorTo: grey", "colorTo", "'grey' is none of red"),
        ("sdk: gradio", "sdk: docker", "sdk", "'docker' is not gradio"),
        ("sdk_version: 6.31.0", "sdk_version: 5.49.1", "sdk_version", "'5.49.1' is not what"),
        ("sdk_version: 6.31.0\n", "", "sdk_version", "'' is not what"),
        ('python_version: "3.12"', "python_version: 3.12", "python_version", "3.12 should be"),
        ('python_version: "3.12"', 'python_version: "3.10"', "python_version", "'3.10' should be"),
        ("app_file: app.py", "app_file: main.py", "app_file", "'main.py' does not exist"),
        ("license: mit", "license: wtfpl", "license", "'wtfpl' is not mit"),
        ("short_description: Lossy", f"short_description: {'Lossy ' * 9}", "short_description", "and needs 1 to 60"),
        ("thumbnail: assets/", "thumbnail: pictures/", "thumbnail", "'pictures/thumbnail.jpg' does not exist"),
        ("suggested_hardware: cpu-basic", "suggested_hardware: h100", "suggested_hardware", "'h100' is none of"),
        ("  - google/ddpm-cat-256", "  - google/ddpm-dog-256", "models", "no model of ours is in google/ddpm-dog-256"),
        ("  - google/ddpm-cifar10-32\n", "", "preload_from_hub", "google/ddpm-cifar10-32 is not listed under models"),
        (
            "google/ddpm-cifar10-32 config",
            "google/ddpm config",
            "preload_from_hub",
            "no model of ours is in google/ddpm",
        ),
        (" config.json,", "", "preload_from_hub", "is not of the form"),
        (" config.json,", " ", "preload_from_hub", "google/ddpm-cifar10-32: config.json is missing"),
        (" config.json,", " config.json,odd.bin,", "preload_from_hub", "no model of ours needs odd.bin"),
        ("_model.safetensors", "_model.safetensors main", "preload_from_hub", "is not of the form"),
    ],
)
def test_a_fault_of_the_front_matter_is_named(folder, old, new, name, words):
    assert failures(folder) == {}
    replace(folder / "README.md", old, new)
    found = failures(folder)
    assert list(found) == [name]
    assert words in found[name]


@pytest.mark.parametrize(
    ("old", "new", "name", "words"),
    [
        ("numpy>=2.0,<3", "numpy>=2.0", "numpy>=2.0", "no bound on one side"),
        ("numpy>=2.0,<3", "numpy<3", "numpy<3", "no bound on one side"),
        ("numpy>=2.0,<3", "numpy=2", "numpy=2", "is no requirement"),
        ("numpy>=2.0,<3", "numpy>=2.0,<3\nNumPy==2.1", "no requirement twice", "numpy"),
        ("torch>=2.8,<=2.13.0", "torch>=2.7,<=2.13.0", "torch on ZeroGPU", "must be 2.8.0 to 2.13.0"),
        ("torch>=2.8,<=2.13.0", "torch>=2.8,<3", "torch on ZeroGPU", "must be 2.8.0 to 2.13.0"),
        ("torch>=2.8,<=2.13.0\n", "", "torch on ZeroGPU", "must be 2.8.0 to 2.13.0"),
    ],
)
def test_a_fault_of_the_requirements_is_named(folder, old, new, name, words):
    replace(folder / "requirements.txt", old, new)
    found = failures(folder)
    assert list(found) == [name]
    assert words in found[name]


def test_a_folder_without_what_it_needs_is_refused(folder, tmp_path, capsys):
    (folder / "requirements.txt").unlink()
    assert failures(folder)["requirements.txt"] == "is missing or empty"
    (folder / "README.md").write_text("---\ntitle: [\n---\n")
    assert "README.md cannot be read" in failures(folder)["front matter"]
    (folder / "README.md").write_text("# no front matter\n")
    assert failures(folder)["front matter"] == "README.md does not begin with any"
    (folder / "README.md").unlink()
    assert main(["--check", str(folder)]) == 1
    assert "failed  front matter: README.md cannot be read" in capsys.readouterr().out


def test_the_thumbnail_may_be_an_address_in_the_space(folder):
    told = {check.name: check.words for check in checks(folder)}
    at = "https://huggingface.co/spaces/{}/resolve/main/assets/thumbnail.jpg"
    assert told["thumbnail"] == f"a Space that has a name should give its address: {at.format('OWNER/NAME')}"
    on_the_hub = "thumbnail: https://huggingface.co/spaces/somebody/diffdemo/resolve/main/assets/"
    replace(folder / "README.md", "thumbnail: assets/", on_the_hub)
    assert failures(folder) == {}
    assert {check.name: check.words for check in checks(folder)}["thumbnail"] == ""
    (folder / "assets/thumbnail.jpg").unlink()
    assert list(failures(folder)) == ["thumbnail"]


@pytest.mark.parametrize(
    ("file", "problem"),
    [
        ("x/image-l2-use_weight5-vimeo-d64-t8193-b0.0032-x-cosine-01-float32-aux0.0_2.pt", None),
        ("x/image.pt", "rhyang/CDC_params: no model of ours needs x/image.pt"),
    ],
)
def test_a_released_checkpoint_of_cdc_may_be_preloaded(folder, file, problem):
    replace(folder / "README.md", "preload_from_hub:\n", f"preload_from_hub:\n  - rhyang/CDC_params {file}\n")
    assert failures(folder).get("preload_from_hub") == problem


def test_a_commit_may_be_preloaded(folder):
    replace(folder / "README.md", "_model.safetensors", f"_model.safetensors {'0123456789' * 4}")
    assert failures(folder) == {}


@pytest.fixture
def pip(monkeypatch) -> Callable[..., list]:
    """A pip that answers as it is told, and the commands that it was given."""

    def answering(status: int, words: str) -> list:
        commands: list = []

        def run(command: list[str], **options: object) -> SimpleNamespace:
            commands.append(command)
            return SimpleNamespace(returncode=status, stderr=words)

        monkeypatch.setattr(space.subprocess, "run", run)
        return commands

    return answering


def test_pip_is_asked_for_each_python_with_what_the_hub_adds(folder, pip):
    commands = pip(0, "")
    last = [*checks(folder, resolve=True)][-2:]
    assert [(check.name, check.is_right) for check in last] == [
        ("requirements on Python 3.11", True),
        ("requirements on Python 3.12", True),
    ]
    assert "gradio[oauth,mcp]==6.31.0" in commands[0]
    assert "3.12" in commands[1]


def test_what_pip_cannot_resolve_is_told(folder, pip):
    pip(1, "WARNING: slow\nERROR: Cannot install torch and numpy.\n")
    assert [*checks(folder, resolve=True)][-1].words == "ERROR: Cannot install torch and numpy."
    pip(2, "")
    assert [*checks(folder, resolve=True)][-1].words == "pip ended with 2"


@pytest.mark.parametrize(
    "fields", ["models: 5", "models: text", "preload_from_hub: 5", "sdk_version: [1]", "title: {}"]
)
def test_fields_of_another_type_are_faults(fields: str, folder: Path) -> None:
    (folder / "README.md").write_text(f"---\n{fields}\n---\n")
    assert fields.partition(":")[0] in failures(folder)


def test_requirements_that_cannot_be_read(folder: Path) -> None:
    (folder / "requirements.txt").write_bytes(b"\xff\xfe")
    assert "cannot be read" in failures(folder)["requirements.txt"]
