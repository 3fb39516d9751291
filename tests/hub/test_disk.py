"""What models take on the disk, and what is left when they are removed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hub_server import HubServer
from hub_specs import PIXELS, REPOSITORY, WEIGHTS, make_spec, noise
from huggingface_hub import hf_hub_download

from diffdemo.errors import DownloadError
from diffdemo.hub.library import Library
from diffdemo.models.spec import HubFile, HubSource

PREVIEW = HubSource("owner/preview", (HubFile(("config.json",)), HubFile(("w.safetensors",))), folder="preview")


@pytest.fixture
def two(hub: HubServer, home: Path, files: dict[str, bytes]) -> Library:
    """Models with a file of a second repository in common."""
    hub.add("owner/preview", {"config.json": b"{}", "w.safetensors": noise(500)})
    hub.add("owner/other", {"config.json": b"{}", WEIGHTS: noise(900, 7)})
    other = HubSource("owner/other", PIXELS.files)
    return Library((make_spec("pixels", PIXELS, PREVIEW), make_spec("other", other, PREVIEW)), released=None)


def everything(home: Path) -> list[str]:
    return sorted(path.name for path in home.rglob("*") if path.is_file() and path.suffix not in (".lock", ".TAG"))


def test_usage(two: Library, home: Path) -> None:
    empty = two.usage()
    assert (empty.folder, empty.num_bytes) == (home / "hub", 0)
    assert empty.free_bytes == pytest.approx(shutil.disk_usage("/tmp").free, abs=1e9)
    list(two.download("pixels"))
    assert two.usage().num_bytes == 70_008 + 502
    list(two.download("other"))
    assert two.usage().num_bytes == 70_008 + 902 + 502, "what both need is counted once"


def test_what_another_model_needs_stays(two: Library, home: Path) -> None:
    list(two.download("pixels"))
    list(two.download("other"))
    assert two.remove("pixels") == 70_008
    assert two.installed("pixels") is None
    assert two.installed("other").files["preview/w.safetensors"].read_bytes() == noise(500)
    assert two.remove("other") == 902 + 502
    assert everything(home) == []
    assert not any((home / "hub").glob("models--*"))
    assert (two.remove("other"), two.usage().num_bytes) == (0, 0)


def test_a_removed_model_can_come_again(two: Library) -> None:
    list(two.download("pixels"))
    two.remove("pixels")
    assert list(two.download("pixels"))[-1].done


def test_what_has_arrived_of_a_model_counts_and_can_be_removed(library: Library, hub: HubServer, home: Path) -> None:
    hub.behave(REPOSITORY, WEIGHTS, cut_after=0)
    hub.behave(REPOSITORY, WEIGHTS, cut_after=30_000, times=1)
    with pytest.raises(DownloadError):
        list(library.download("pixels"))
    assert library.usage().num_bytes == 30_008
    assert library.remove("pixels") == 30_008
    assert everything(home) == []


def test_bytes_that_another_program_names_stay(library: Library, hub: HubServer, files: dict[str, bytes]) -> None:
    list(library.download("pixels"))
    hub.add(REPOSITORY, {**files, "README.md": b"A newer commit with the same weights."})
    newer = Path(hf_hub_download(REPOSITORY, WEIGHTS))
    assert library.remove("pixels") == 8
    assert newer.read_bytes() == files[WEIGHTS]
