"""Whose weights wrote a file."""

from __future__ import annotations

import hashlib
import threading
import time
from pathlib import Path

import pytest
from hub_server import HubServer
from hub_specs import PIXELS, WEIGHTS, make_spec, noise
from huggingface_hub import constants

from diffdemo.hub import owners
from diffdemo.hub.fetch.fingerprint import counts, fingerprint
from diffdemo.hub.library import Library
from diffdemo.models.registry import FROM_HUB, RELEASED_CDC
from diffdemo.models.spec import HubFile, HubSource

OTHER = HubSource("owner/other", PIXELS.files)


def of(*contents: bytes) -> bytes:
    return fingerprint(hashlib.sha256(content).hexdigest() for content in contents)


@pytest.fixture
def several(hub: HubServer, home: Path, files: dict[str, bytes]) -> Library:
    preview = HubSource("owner/preview", (HubFile(("w.safetensors",)),), folder="preview")
    hub.add("owner/preview", {"w.safetensors": b"1"})
    hub.add("owner/other", {"config.json": b"{}", WEIGHTS: noise(900, 7)})
    missing = HubSource("owner/missing", PIXELS.files)
    specs = (make_spec("missing", missing), make_spec("pixels", PIXELS), make_spec("other", OTHER, preview))
    return Library(specs, released=None)


def test_a_fingerprint_does_not_depend_on_order_or_case() -> None:
    a, b = ("ab" * 32, "01" * 32)
    assert fingerprint([a, b]) == fingerprint([b, a.upper()]) == hashlib.sha256(f"{b}\n{a}".encode()).digest()[:4]
    assert fingerprint([a]) != fingerprint([b])


@pytest.mark.parametrize(
    ("path", "folder", "expected"),
    [
        ("unet/w.safetensors", "", True),
        ("unet/w.bin", "", True),
        ("a.pt", "", True),
        ("unet/config.json", "", False),
        ("w.safetensors", "preview", False),
    ],
)
def test_what_counts(path: str, folder: str, expected: bool) -> None:
    assert counts(path, folder) is expected


def test_the_hub_is_asked_and_nothing_is_downloaded(several: Library, hub: HubServer) -> None:
    assert several.who_has(of(noise(900, 7))).name == "other"
    assert hub.count("resolve") == 0
    assert hub.count("owner/preview") == 0, "a preview decides nothing"


def test_the_listing_and_the_download_agree(several: Library, files: dict[str, bytes]) -> None:
    owner = several.who_has(of(files[WEIGHTS]))
    list(several.download("pixels"))
    assert several.installed(owner.name).fingerprint == of(files[WEIGHTS])


def test_answers_are_remembered(several: Library, hub: HubServer, files: dict[str, bytes]) -> None:
    several.who_has(of(noise(900, 7)))
    hub.calm()
    assert several.who_has(of(noise(900, 7))).name == "other"
    assert several.who_has(of(files[WEIGHTS])).name == "pixels"
    assert hub.requests == []


def test_installed_models_need_no_network(several: Library, hub: HubServer) -> None:
    list(several.download("other"))
    hub.calm()
    assert several.who_has(of(noise(900, 7))).name == "other"
    assert hub.requests == []


def test_nobody(several: Library) -> None:
    assert several.who_has(b"none") is None


def test_weights_whose_hashes_are_not_told(hub: HubServer, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub_protocol.LARGE", ())
    hub.add("owner/other", {"config.json": b"{}", WEIGHTS: noise(900, 7)})
    library = Library((make_spec("other", OTHER),), released=None)
    assert library.who_has(of(noise(900, 7))) is None
    list(library.download("other"))
    assert library.who_has(of(noise(900, 7))).name == "other"


def test_no_network_is_no_failure(several: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert several.who_has(of(noise(900, 7))) is None


def test_a_slow_hub_is_not_waited_for(several: Library, hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owners, "PATIENCE", 0.2)
    gate = threading.Event()
    monkeypatch.setattr("hub_protocol.Handler._about", lambda self, *rest: gate.wait(300))
    began = time.monotonic()
    assert several.who_has(of(noise(900, 7))) is None
    assert time.monotonic() - began < 10
    gate.set()


def test_the_whole_registry_is_asked_quickly(home: Path, hub: HubServer) -> None:
    for spec in FROM_HUB:
        for source in spec.sources:
            hub.add(source.repository, {file.names[0]: f"{spec.name} {file.names}".encode() for file in source.files})
    path = "x_param/image-l2-use_weight5-vimeo-d64-t8193-b0.0032-x-cosine-01-float32-aux0.0_2.pt"
    hub.add(RELEASED_CDC.repository, {path: b"checkpoint"})
    library = Library()
    library.specs(refresh=True)
    hub.calm()
    assert library.who_has(of(b"checkpoint")).name == "cdc-x-b0.0032"
    repositories = {spec.sources[0].repository for spec in FROM_HUB}
    assert "zhaoyangjia/CoD_Lite" in repositories, "which several models share"
    assert hub.count("api/models") == len(repositories) + 1
