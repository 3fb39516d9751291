"""CoD-Lite from the Hub to the last corner of the page: tiny models of three rates in the released layout."""

from __future__ import annotations

import io
import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import gradio as gr
import pytest
import torch
from gradio_client import handle_file
from hub_server import HubServer
from PIL import Image
from released_cod import formula_weights
from serving import client_of, serve

from diffdemo.engine import Asker, Engine, Underway, catalogue
from diffdemo.engine.batch.compress import Order, compress_all
from diffdemo.hub.library import Library
from diffdemo.images import Pixels, to_png
from diffdemo.measure import evaluate
from diffdemo.models.cod.shape import CodShape
from diffdemo.models.registry import model_spec
from diffdemo.ui.closer.hanging import hang, usual
from diffdemo.ui.inspect import Inspection
from diffdemo.ui.memory.session import Session
from diffdemo.ui.studio.choices import Halves, Settings
from diffdemo.ui.studio.opening import Waiting
from diffdemo.ui.studio.wiring import Acts
from diffdemo.ui.turns import Turns

# Gradio's use of pandas warns, and a warning that becomes an error there stops its queue.
pytestmark = pytest.mark.filterwarnings("ignore")

LOW, MIDDLE, HIGH = NAMES = ("cod-lite-0.0078", "cod-lite-0.0312", "cod-lite-0.5000")
SHAPES = {LOW: (32, 8), MIDDLE: (16, 8), HIGH: (4, 8)}
NOTHING = Waiting()


def released(stride: int, bits: int) -> bytes:
    """A file as the authors released theirs, as narrow as 32 groups allow."""
    shape = CodShape(stride, bits, 32, 2, 1, 1, 4, 32, 8, 32)
    out = io.BytesIO()
    torch.save({"state_dict": {f"net.{key}": tensor for key, tensor in formula_weights(shape).items()}}, out)
    return out.getvalue()


@pytest.fixture
def engine(hub: HubServer, home: object, monkeypatch: pytest.MonkeyPatch) -> Engine:
    repository = model_spec(MIDDLE).sources[0].repository
    files = {}
    for name, shape in SHAPES.items():
        weights, config = (each.names[0] for each in model_spec(name).sources[0].files)
        files |= {weights: released(*shape), config: b"noise_level: 0"}
    hub.add(repository, files)
    specs = tuple(replace(model_spec(name), memory=1) for name in NAMES)
    monkeypatch.setattr(catalogue, "Library", lambda: Library(specs, None))
    return Engine(device="cpu")


@pytest.fixture
def fetched(engine: Engine) -> Engine:
    for name in NAMES:
        for _ in engine.download(name):
            pass
    return engine


@pytest.fixture
def acts(engine: Engine) -> Acts:
    return Acts(engine, Turns(patience=0))


@pytest.fixture
def picture(large_picture: Pixels, tmp_path: Path) -> Path:
    path = tmp_path / "pictures" / "picture.png"
    path.parent.mkdir()
    Image.fromarray(large_picture).save(path)
    return path


def size(pixels: Pixels, stride: int) -> int:
    """Bytes of the codes alone, 8 bits each."""
    multiple = max(16, stride)
    height, width = (-(-side // multiple) * multiple // stride for side in pixels.shape[:2])
    return height * width


def test_without_weights_the_page_says_what_to_download_and_all_else_works(acts: Acts, large_picture: Pixels) -> None:
    shelf = acts.menu.choose("cod-lite", None, "", NOTHING)
    assert shelf.level["label"] == "Rate: 0.0312 bits per pixel"
    assert shelf.model["visible"] == "hidden"
    assert "<dt>to download</dt><dd>395 MB</dd>" in shelf.card["value"]
    assert shelf.fetch["value"] == "Download 395 MB"
    session = Session(source=to_png(large_picture))
    with pytest.raises(gr.Error, match=r"CoD-Lite, 0\.0312 bpp is not here yet\. Press “Download 395 MB”"):
        list(acts.handlers.encode(session, Settings(codec="cod-lite", bpp=0.03)))
    *_, screen = acts.handlers.encode(session, Settings(codec="diffc", bpp=0.1, preset="fast"))
    assert screen.session.codec == "diffc"
    assert "cod-lite" not in [key for _, key in screen.compare["choices"]]


def test_a_rate_that_is_chosen_is_fetched_and_compresses(
    acts: Acts, engine: Engine, hub: HubServer, large_picture: Pixels
) -> None:
    snapped = acts.menu.snap("cod-lite", 2, "", NOTHING)
    assert snapped.model["value"] == HIGH
    assert snapped.fetch["visible"]
    *_, arrived = acts.menu.fetch("cod-lite", HIGH)
    assert "is here now" in arrived.arriving["value"]
    assert [info.name for info in engine.models() if info.codec == "cod-lite" and info.is_here] == [HIGH]
    session = Session(source=to_png(large_picture))
    *_, screen = acts.handlers.encode(session, Settings(codec="cod-lite", model=HIGH))
    assert screen.session.model == HIGH
    assert len(screen.session.data) <= size(large_picture, 4) + 32
    # The only one that is here stands for its codec where a number of bytes is given.
    assert engine.model_at("cod-lite", large_picture, num_bytes=1 << 20).name == HIGH
    assert acts.menu.snap("cod-lite", 0, "", NOTHING).card["visible"], "another rate is offered"


def test_every_part_of_the_page(acts: Acts, fetched: Engine, large_picture: Pixels, picture: Path) -> None:
    session = Session(source=to_png(large_picture))
    *_, screen = acts.handlers.encode(session, Settings(codec="cod-lite", model=MIDDLE))
    session = screen.session
    assert "CoD-Lite, 0.0312 bpp" in screen.status
    assert screen.stage["right"]["caption"] == "CoD-Lite, deterministic, 1 step"
    *_, plot = acts.plotting.complete(session, "psnr_db")
    (line,) = (trace for trace in plot.data if trace.name == "CoD-Lite, one step")
    assert len(line.x) == len(NAMES), "one curve over all models"
    *_, screen = acts.comparison.oppose(session, Halves("jpeg", against="cod-lite"), "", "9000 bytes")
    highest = [*fetched.encode(large_picture, model=HIGH)][-1]
    assert f"{len(highest.data):,} bytes" in screen.stage["right"]["numbers"]
    assert "file=" in acts.sharing.share(session, 0)
    assert acts.sharing.restore(f"codec=cod-lite&model={MIDDLE}&decoder=deterministic")[4]["value"] == MIDDLE
    report = Inspection(fetched).of_session(session, 0)
    assert MIDDLE in report
    anew = Acts(fetched, Turns(patience=0))
    *_, opened = anew.opening.open_released(Waiting("sent", session.data, MIDDLE), "psnr_db")
    assert opened.session.model == MIDDLE
    assert "CoD-Lite, deterministic" in usual(fetched)
    *_, wall = hang(fetched, screen.session, ["CoD-Lite, deterministic", "JPEG"], len(session.data), Asker())
    _, own = (cell for cell in wall.cells if cell.is_done)
    assert own.numbers.startswith(f"{len(session.data):,} bytes")
    *_, last = compress_all(fetched, [picture], Order("", num_bytes=9000, codec="cod-lite"))
    assert last.outcomes[0].num_bytes == len(highest.data)


def test_encoder_and_decoder_tell_how_far_they_are(fetched: Engine, large_picture: Pixels) -> None:
    running = fetched.encode(large_picture, model=HIGH)
    told = [*running.places()]
    # Where a machine is busy, it says first that nobody is before it in line.
    begun = [each for each in told if isinstance(each, Underway)]
    assert begun
    assert told[len(told) - len(begun) :] == begun
    assert all(0 < each.done < each.total for each in begun)
    (last,) = running
    assert last.done
    assert running.seconds > 0
    decoding = fetched.decode(last.data)
    assert [*decoding.places()]
    assert len([*decoding]) == 1


def test_endpoints(fetched: Engine, picture: Path, large_picture: Pixels) -> None:
    with serve(fetched) as url, closing(client_of(url)) as client:
        file, report = client.predict(handle_file(picture), 0.03, None, codec="cod-lite", api_name="/compress")
        assert report["model"] == MIDDLE
        _, decoded = client.predict(handle_file(file), api_name="/decompress")
        assert decoded["num_bytes"] == report["num_bytes"]
        *_, compared = client.predict(handle_file(picture), 9000, "cod-lite", "jpeg", api_name="/compare_codecs")
        assert compared["theirs"]["codec"] == "cod-lite"
        *_, batch = client.predict([handle_file(picture)], 0.5, codec="cod-lite", api_name="/batch")
        (entry,), (alone,) = batch["pictures"], fetched.encode(large_picture, model=HIGH)
        assert entry["num_bytes"] == len(alone.data)
        assert client.predict(handle_file(file), api_name="/inspect")["stride"] == 16


@pytest.mark.usefixtures("fetched")
def test_evaluation_makes_one_curve_of_them(picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = tmp_path / "results.jsonl"
    assert evaluate.main([str(picture.parent), "-o", str(results), "--codecs", "cod-lite"]) == 0
    rows = [json.loads(line) for line in results.read_text().splitlines()]
    assert {row["settings"]["model"] for row in rows if row["codec"].startswith("cod-lite")} == set(NAMES)
    assert "cod-lite deterministic against jpeg" in capsys.readouterr().out
