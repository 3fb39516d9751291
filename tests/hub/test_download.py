"""The way of a model from the Hub to this computer."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from hub_server import HubServer
from hub_specs import PIXELS, REPOSITORY, WEIGHTS, make_spec, noise
from huggingface_hub import try_to_load_from_cache

from diffdemo.errors import WeightsError
from diffdemo.hub.library import Library
from diffdemo.models.spec import HubFile, HubSource


def test_a_download(library: Library, hub: HubServer, home: Path, files: dict[str, bytes]) -> None:
    assert library.installed("pixels") is None
    moments = list(library.download("pixels"))
    total = len(files["config.json"]) + len(files[WEIGHTS])
    first, last = moments[0], moments[-1]
    assert (first.num_bytes, first.total_bytes, first.done) == (0, 77_000, False)
    assert (last.num_bytes, last.total_bytes, last.done, last.file) == (total, total, True, "")
    assert [m.done for m in moments].count(True) == 1
    installed = library.installed("pixels")
    assert installed is not None
    assert {key: path.read_bytes() for key, path in installed.files.items()} == {
        "config.json": files["config.json"],
        WEIGHTS: files[WEIGHTS],
    }
    assert installed.num_bytes == total
    one = hashlib.sha256(files[WEIGHTS]).hexdigest()
    assert installed.fingerprint == hashlib.sha256(one.encode()).digest()[:4]
    assert library.fingerprints() == {installed.fingerprint: "pixels"}
    assert list(home.rglob("*.incomplete")) == []


def test_the_files_lie_where_other_programs_find_them(library: Library, home: Path, hub: HubServer) -> None:
    list(library.download("pixels"))
    commit = hub.repositories[REPOSITORY].commit
    for name in ("config.json", WEIGHTS):
        found = try_to_load_from_cache(REPOSITORY, name, cache_dir=home / "hub", revision=commit)
        assert found == str(library.installed("pixels").files[name])


def test_what_is_here_needs_no_network(library: Library, hub: HubServer, spec: object) -> None:
    list(library.download("pixels"))
    hub.calm()
    moments = list(library.download("pixels"))
    assert [m.done for m in moments] == [True]
    assert Library((spec,), released=None).installed("pixels") == library.installed("pixels")
    assert hub.requests == []


def test_what_another_program_fetched_is_not_fetched_again(
    library: Library, hub: HubServer, files: dict[str, bytes]
) -> None:
    from huggingface_hub import hf_hub_download

    hf_hub_download(REPOSITORY, WEIGHTS)
    hub.calm()
    *_, last = library.download("pixels")
    assert last.done
    assert hub.bytes_sent(REPOSITORY, WEIGHTS) == 0
    assert library.installed("pixels") is not None


def test_damage_in_the_cache_is_found_and_repaired(library: Library, hub: HubServer, files: dict[str, bytes]) -> None:
    from huggingface_hub import hf_hub_download

    path = Path(hf_hub_download(REPOSITORY, WEIGHTS))
    path.write_bytes(noise(70_000, seed=9))
    list(library.download("pixels"))
    assert library.installed("pixels").files[WEIGHTS].read_bytes() == files[WEIGHTS]


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_hub_in_passing_trouble(status: int, library: Library, hub: HubServer) -> None:
    hub.behave(REPOSITORY, WEIGHTS, status=status, on="bytes", times=2)
    assert list(library.download("pixels"))[-1].done


def test_alternatives_are_taken_in_order(hub: HubServer, home: Path) -> None:
    names = ("unet/w.fp16.safetensors", "unet/w.safetensors", "unet/w.bin")
    source = HubSource("owner/unet", (HubFile(names), HubFile(("vocab.json",), is_optional=True)))
    library = Library((make_spec("unet", source),), released=None)
    contents = {name: noise(100, seed) for seed, name in enumerate(names)}
    hub.add("owner/unet", contents)
    list(library.download("unet"))
    assert library.installed("unet").files == {
        "unet/w.safetensors": library.installed("unet").files["unet/w.safetensors"]
    }
    assert library.installed("unet").files["unet/w.safetensors"].read_bytes() == contents[names[0]]
    library.remove("unet")
    hub.add("owner/unet", {names[2]: contents[names[2]], "vocab.json": b"{}"})
    list(library.download("unet"))
    assert set(library.installed("unet").files) == {"unet/w.bin", "vocab.json"}


def test_a_second_repository_has_a_folder_and_no_part_in_the_fingerprint(
    hub: HubServer, home: Path, files: dict[str, bytes]
) -> None:
    preview = HubSource("owner/preview", (HubFile(("config.json",)), HubFile(("w.safetensors",))), folder="preview")
    hub.add("owner/preview", {"config.json": b"{}", "w.safetensors": noise(50)})
    library = Library((make_spec("both", PIXELS, preview), make_spec("pixels", PIXELS)), released=None)
    list(library.download("both"))
    list(library.download("pixels"))
    both, alone = library.installed("both"), library.installed("pixels")
    assert set(both.files) == {"config.json", WEIGHTS, "preview/config.json", "preview/w.safetensors"}
    assert both.fingerprint == alone.fingerprint


def test_a_pinned_revision(hub: HubServer, home: Path, files: dict[str, bytes]) -> None:
    commit = hub.repositories[REPOSITORY].commit
    pinned = HubSource(REPOSITORY, PIXELS.files, revision=commit)
    library = Library((make_spec("pinned", pinned),), released=None)
    list(library.download("pinned"))
    assert commit in str(library.installed("pinned").files[WEIGHTS])


@pytest.mark.parametrize("damage", ["{", "[]", "{}", '{"version": 1}', '{"version": 2}', '{"version": 1, "files": 3}'])
def test_a_damaged_note_counts_as_not_here(damage: str, library: Library, home: Path) -> None:
    list(library.download("pixels"))
    (home / "diffdemo/models/pixels.json").write_text(damage)
    assert library.installed("pixels") is None
    assert library.fingerprints() == {}
    assert library.usage().num_bytes == 0
    assert list(library.download("pixels"))[-1].done
    assert library.installed("pixels") is not None


@pytest.mark.parametrize("change", ["gone", "shorter"])
def test_a_file_that_went_away_is_noticed(change: str, library: Library, files: dict[str, bytes]) -> None:
    list(library.download("pixels"))
    path = library.installed("pixels").files[WEIGHTS]
    os.truncate(path, 10) if change == "shorter" else path.unlink()
    assert library.installed("pixels") is None
    list(library.download("pixels"))
    assert library.installed("pixels").files[WEIGHTS].read_bytes() == files[WEIGHTS]


def test_a_model_that_nobody_knows(library: Library) -> None:
    with pytest.raises(
        WeightsError, match=r"no model 'nothing'\. Known models: photo-small-2, photo-small, cdc-small, pixels\."
    ):
        next(library.download("nothing"))
    assert library.installed("nothing") is None


def test_no_access_token_leaves_the_hub(library: Library, hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_member")
    list(library.download("pixels"))
    by_host = {(r.host.split(":")[0], r.token) for r in hub.requests if "agent" not in r.path}
    assert by_host == {("127.0.0.1", "hf_member"), ("localhost", "")}
