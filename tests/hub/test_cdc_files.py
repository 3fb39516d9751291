"""The released checkpoints of CDC: their names, their listing, their way into our form."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest
import torch
from hub_server import HubServer
from huggingface_hub import constants
from released_cdc import released_checkpoint

from diffdemo.errors import DownloadError, WeightsError
from diffdemo.hub import cdc_files
from diffdemo.hub.client import RemoteFile
from diffdemo.hub.library import Library
from diffdemo.models.cdc.model import CdcModel
from diffdemo.models.registry import RELEASED_CDC
from diffdemo.models.spec import HubSource, Kind

X = "x_param/image-l2-use_weight5-vimeo-d64-t8193-b{}-x-cosine-01-float32-aux{}.pt"
EPSILON = "epsilon_param/big-l1-vimeo-d64-t20000-b{}-vbrFalse-noise-linear-aux{}.pt"
RELEASED = {
    X.format("0.0032", "0.0_2"): "cdc-x-b0.0032",
    X.format("0.0064", "0.0_2"): "cdc-x-b0.0064",
    X.format("0.0128", "0.0_2"): "cdc-x-b0.0128",
    X.format("0.0512", "0.9lpips_2"): "cdc-x-b0.0512-lpips",
    X.format("0.1024", "0.9lpips_2"): "cdc-x-b0.1024-lpips",
    X.format("0.2048", "0.9lpips_2"): "cdc-x-b0.2048-lpips",
    EPSILON.format("0.0128", "-1.0_0_ckpt"): "cdc-eps-b0.0128",
    EPSILON.format("0.0256", "-1.0_0_ckpt"): "cdc-eps-b0.0256",
    EPSILON.format("0.0512", "-1.0_0_ckpt"): "cdc-eps-b0.0512",
    EPSILON.format("0.1024", "0.9lpips_0"): "cdc-eps-b0.1024-lpips",
    EPSILON.format("0.2048", "0.9lpips_0"): "cdc-eps-b0.2048-lpips",
    EPSILON.format("0.3072", "0.9lpips_0"): "cdc-eps-b0.3072-lpips",
}
"""Path in the repository -> name of the model."""
KNOWN = list(RELEASED.values())[:6]
"""Names of those that are known before anybody asks the Hub."""


def specs_of(*paths: str) -> list[tuple[str, str]]:
    files = [RemoteFile(path, 10, "", None) for path in paths]
    return [(s.name, s.sources[0].files[0].names[0]) for s in cdc_files.specs_of(files, RELEASED_CDC)]


def checkpoint(family: str) -> bytes:
    buffer = io.BytesIO()
    torch.save(released_checkpoint(family, 4, lpips=True), buffer)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def checkpoints() -> dict[str, bytes]:
    """Two that are real apart from their width, among the names of others."""
    named = {path: path.encode() for path in RELEASED}
    return named | {
        X.format("0.0032", "0.0_2"): checkpoint("x"),
        EPSILON.format("0.1024", "0.9lpips_0"): checkpoint("epsilon"),
        "README.md": b"",
    }


@pytest.fixture
def cdc(hub: HubServer, home: Path, checkpoints: dict[str, bytes]) -> Library:
    hub.add(RELEASED_CDC.repository, checkpoints)
    return Library(())


def test_every_released_name_is_read() -> None:
    assert specs_of(*reversed(RELEASED)) == [(name, path) for path, name in RELEASED.items()]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (X.format("0.0032", "0.0_2").removeprefix("x_param/"), "cdc-x-b0.0032"),
        (X.format("0.0032", "0.9_1"), "cdc-x-b0.0032-lpips"),
        (X.format("1", "-1"), "cdc-x-b1"),
        (EPSILON.format("0.3", "0.0"), "cdc-eps-b0.3"),
    ],
)
def test_names_that_differ_a_little(path: str, name: str) -> None:
    assert specs_of(path) == [(name, path)]


@pytest.mark.parametrize(
    "path",
    ["README.md", "x_param/epsilon_lpips0.9.pt", "a.pt", X.format("0.1", "0.0").replace(".pt", ".pth"),
     X.format("", "0.0"), X.format("0.1", "")],
)  # fmt: skip
def test_files_that_are_no_checkpoints_are_passed_over(path: str) -> None:
    assert specs_of(path) == []


def test_of_two_files_of_one_model_the_later_one_is_taken() -> None:
    early, late, last = (X.format("0.0032", end) for end in ("0.0_1", "0.0_2", "0.0_2_ckpt"))
    assert specs_of(early, last, late) == specs_of(last, late, early) == [("cdc-x-b0.0032", last)]
    assert specs_of(late, early) == [("cdc-x-b0.0032", late)]


def test_they_are_listed_when_asked_for_and_remembered(cdc: Library, hub: HubServer) -> None:
    assert [spec.name for spec in cdc.specs()] == KNOWN
    assert hub.requests == []
    listed = cdc.specs(refresh=True)
    assert [spec.name for spec in listed] == list(RELEASED.values())
    spec = listed[0]
    assert (spec.codec, spec.kind, spec.licence, spec.paper) == ("cdc", Kind.CDC, "MIT", "2209.06950")
    assert spec.num_bytes == len(hub.repositories[RELEASED_CDC.repository].files[X.format("0.0032", "0.0_2")])
    hub.calm()
    assert Library((), released=HubSource("another/repository", ())).specs() == ()
    assert Library(()).specs() == listed
    assert hub.requests == []


def test_without_the_hub_there_is_what_was_remembered(
    cdc: Library, hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(DownloadError, match="HF_HUB_OFFLINE"):
        cdc.spec("cdc-eps-b0.0256")
    with pytest.raises(DownloadError, match="HF_HUB_OFFLINE"):
        list(cdc.download("cdc-x-b0.0032"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    assert cdc.spec("cdc-eps-b0.0512").name == "cdc-eps-b0.0512"
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert cdc.spec("cdc-eps-b0.0256").name == "cdc-eps-b0.0256"
    with pytest.raises(WeightsError, match="no model 'nothing'"):
        cdc.spec("nothing")


@pytest.mark.parametrize("damage", ["{", '{"repository": "rhyang/CDC_params", "files": [1]}'])
def test_a_damaged_memory_is_no_memory(damage: str, cdc: Library, home: Path) -> None:
    cdc.specs(refresh=True)
    (home / "diffdemo/released-cdc.json").write_text(damage)
    assert [spec.name for spec in cdc.specs()] == KNOWN


def test_what_is_known_without_the_hub(home: Path) -> None:
    specs = {spec.sources[0].files[0].names[0]: spec for spec in Library(()).specs()}
    assert {path: spec.name for path, spec in specs.items()} == dict(list(RELEASED.items())[:6])
    assert all(spec.sources[0].repository == "rhyang/CDC_params" for spec in specs.values())
    for spec in specs.values():
        assert spec.num_bytes > 2 * 4 * spec.parameters - 10**6, "float32, trained and averaged"


def test_what_was_known_is_replaced_by_what_the_hub_says(cdc: Library, hub: HubServer) -> None:
    later = X.format("0.0032", "0.0_3")
    hub.add(RELEASED_CDC.repository, {later: b"pickle", "README.md": b""})
    assert [spec.num_bytes for spec in cdc.specs(refresh=True)] == [len(b"pickle")]
    assert cdc.spec("cdc-x-b0.0032").sources[0].files[0].names == (later,)
    hub.add(RELEASED_CDC.repository, {"README.md": b""})
    assert cdc.specs(refresh=True) == cdc.specs() == ()


def test_a_name_alone_is_enough_to_fetch_it(
    cdc: Library, hub: HubServer, checkpoints: dict[str, bytes], home: Path
) -> None:
    """Even if what the Hub has now is a later file of that name."""
    later = X.format("0.0032", "0.0_3")
    hub.add(RELEASED_CDC.repository, {later: checkpoints[X.format("0.0032", "0.0_2")]})
    assert list(cdc.download("cdc-x-b0.0032"))[-1].done
    with pytest.raises(WeightsError, match=r"no model 'cdc-x-b0\.0064'"):
        list(cdc.download("cdc-x-b0.0064"))


@pytest.mark.parametrize(("name", "family"), [("cdc-x-b0.0032", "x"), ("cdc-eps-b0.1024-lpips", "epsilon")])
def test_a_checkpoint_is_converted_once(
    name: str, family: str, cdc: Library, hub: HubServer, home: Path, checkpoints: dict[str, bytes]
) -> None:
    assert list(cdc.download(name))[-1].done
    installed = cdc.installed(name)
    assert list(installed.files) == ["cdc.safetensors"]
    path = installed.files["cdc.safetensors"]
    assert home / "diffdemo" in path.parents
    assert installed.num_bytes == path.stat().st_size
    model = CdcModel.load(path, device=torch.device("cpu"))
    assert model.shape.family == family
    released = next(p for p, n in RELEASED.items() if n == name)
    sha256 = hashlib.sha256(checkpoints[released]).hexdigest()
    assert installed.fingerprint == hashlib.sha256(sha256.encode()).digest()[:4]
    assert cdc.usage().num_bytes == len(checkpoints[released]) + installed.num_bytes
    before = path.stat().st_mtime_ns
    hub.calm()
    assert [m.done for m in cdc.download(name)] == [True]
    assert (path.stat().st_mtime_ns, hub.requests) == (before, [])
    assert cdc.remove(name) == len(checkpoints[released]) + installed.num_bytes
    assert not path.exists()


def test_a_checkpoint_that_is_none(cdc: Library) -> None:
    with pytest.raises(WeightsError, match="more than plain data and was not opened"):
        list(cdc.download("cdc-x-b0.0064"))
    assert cdc.installed("cdc-x-b0.0064") is None
    assert cdc.remove("cdc-x-b0.0064") > 0
