"""Models that lie in the cache of the Hub before diffdemo has looked at them, as on a Space that preloads them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hub_server import HubServer
from hub_specs import PIXELS, REPOSITORY, WEIGHTS, make_spec, noise
from huggingface_hub import constants, hf_hub_download

from diffdemo.errors import DownloadError, WeightsError
from diffdemo.hub import preloaded
from diffdemo.hub.library import Library
from diffdemo.models.spec import HubFile, HubSource

NEEDED = ("config.json", WEIGHTS)
CDC = "x_param/image-l2-use_weight5-vimeo-d64-t8193-b0.0032-x-cosine-01-float32-aux0.0_2.pt"


def preload(repository: str, *paths: str) -> list[Path]:
    """What the build of a Space does with a line of `preload_from_hub`."""
    return [Path(hf_hub_download(repository, path)) for path in paths]


def test_nothing_lies_in_an_empty_cache_and_nobody_is_asked(library: Library, hub: HubServer) -> None:
    assert library.preloaded() == []
    assert hub.requests == []


def test_what_lies_whole_in_the_cache_is_adopted_without_a_transfer(
    library: Library, hub: HubServer, files: dict[str, bytes]
) -> None:
    preload(REPOSITORY, *NEEDED)
    hub.calm()
    assert library.preloaded() == ["pixels"]
    assert library.installed("pixels") is None, "nobody has compared its bytes yet"
    assert hub.requests == []
    library.adopt("pixels")
    installed = library.installed("pixels")
    assert installed.files[WEIGHTS].read_bytes() == files[WEIGHTS]
    assert installed.fingerprint in library.fingerprints()
    assert library.preloaded() == []
    assert hub.count("cdn", "GET") == 0


def test_an_optional_file_may_be_missing(hub: HubServer, home: Path, files: dict[str, bytes]) -> None:
    source = HubSource(REPOSITORY, (*PIXELS.files, HubFile(("extra.json",), is_optional=True)))
    preload(REPOSITORY, *NEEDED)
    assert Library((make_spec("pixels", source),), released=None).preloaded() == ["pixels"]


def test_a_model_with_a_file_missing_is_left_alone(library: Library, hub: HubServer) -> None:
    preload(REPOSITORY, WEIGHTS)
    assert library.preloaded() == []


def test_files_of_different_commits_are_not_one_model(library: Library, hub: HubServer) -> None:
    preload(REPOSITORY, WEIGHTS)
    hub.add(REPOSITORY, {"config.json": b'{"a": 2}', WEIGHTS: noise(70_000, 1)})
    preload(REPOSITORY, "config.json")
    assert library.preloaded() == []


def test_a_later_commit_with_the_same_bytes_is_the_same_model(
    library: Library, hub: HubServer, files: dict[str, bytes]
) -> None:
    preload(REPOSITORY, *NEEDED)
    hub.add(REPOSITORY, files | {"README.md": b"other words"})
    hub.calm()
    library.adopt("pixels")
    assert library.installed("pixels") is not None
    assert hub.count("cdn", "GET") == 0


def test_weights_that_the_hub_has_replaced_are_not_fetched(library: Library, hub: HubServer, files) -> None:
    preload(REPOSITORY, *NEEDED)
    hub.add(REPOSITORY, files | {WEIGHTS: noise(70_000, 1)})
    hub.calm()
    assert library.preloaded() == ["pixels"]
    with pytest.raises(DownloadError, match=rf"not as the Hub has it now: '{WEIGHTS}' of '{REPOSITORY}' is missing"):
        library.adopt("pixels")
    assert library.installed("pixels") is None
    assert hub.count("cdn", "GET") == 0


def test_a_better_file_that_was_not_preloaded_is_not_fetched(library: Library, hub: HubServer) -> None:
    preload(REPOSITORY, "config.json", "net.bin")
    hub.calm()
    assert library.preloaded() == ["pixels"], "that will do, as far as anybody can tell who has not asked"
    with pytest.raises(DownloadError, match=f"'{WEIGHTS}' of .* is missing"):
        library.adopt("pixels")
    assert hub.count("cdn", "GET") == 0


def test_damaged_weights_are_found_out_and_replaced(library: Library, files: dict[str, bytes]) -> None:
    _, weights = preload(REPOSITORY, *NEEDED)
    weights.resolve().write_bytes(bytes(70_000))
    library.adopt("pixels")
    assert library.installed("pixels").files[WEIGHTS].read_bytes() == files[WEIGHTS]


def test_without_a_network_nothing_is_adopted_and_that_is_told(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    preload(REPOSITORY, *NEEDED)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert library.preloaded() == ["pixels"]
    with pytest.raises(DownloadError, match="HF_HUB_OFFLINE"):
        library.adopt("pixels")


def test_nobody_adopts_what_does_not_exist(library: Library) -> None:
    with pytest.raises(WeightsError, match="no model 'nonesuch'"):
        library.adopt("nonesuch")


def test_released_checkpoints_are_found_by_their_names(hub: HubServer, home: Path) -> None:
    source = HubSource("tiny/cdc", ())
    hub.add("tiny/cdc", {CDC: b"checkpoint", "x_param/notes.pt": b"none of theirs"})
    preload("tiny/cdc", CDC, "x_param/notes.pt")
    hub.calm()
    assert Library((), source).preloaded() == ["cdc-x-b0.0032"]
    assert [spec.num_bytes for spec in preloaded.checkpoints(source)] == [10]
    assert hub.requests == []
