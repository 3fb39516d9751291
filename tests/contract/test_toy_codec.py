"""The contract is all that there is: a codec that is registered in one file works in every part of the program."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from gradio_client import handle_file
from PIL import Image
from serving import built, client_of, serve

from diffdemo.cli import parser
from diffdemo.engine import Engine
from diffdemo.engine.batch.compress import Order, compress_all
from diffdemo.errors import RateError, TruncatedBitstream
from diffdemo.images import Pixels, to_png
from diffdemo.measure import evaluate
from diffdemo.metrics.distortion import psnr_db
from diffdemo.ui.memory.session import Session
from diffdemo.ui.studio.choices import Choices, Halves, Settings
from diffdemo.ui.studio.wiring import Acts
from diffdemo.ui.turns import Turns
from tests.toy_codec import registered

# Gradio's use of pandas warns, and a warning that becomes an error there stops its queue.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module", autouse=True)
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with registered(tmp_path_factory.mktemp("toy")) as spec:
        yield spec.name


@pytest.fixture(scope="module")
def engine(model: str) -> Engine:
    return Engine(device="cpu", threads=1)


@pytest.fixture(scope="module")
def url(engine: Engine) -> Iterator[str]:
    with serve(engine) as address:
        yield address


@pytest.fixture
def picture(gradient: Pixels, tmp_path: Path) -> Path:
    path = tmp_path / "gradient.png"
    Image.fromarray(gradient).save(path)
    return path


def test_engine(engine: Engine, texture: Pixels) -> None:
    assert [codec.name for codec in engine.codecs()][-1] == "toy"
    assert next(info for info in engine.models() if info.codec == "toy").is_default
    knobs = {codec.name: set(codec.knobs) for codec in engine.codecs()}
    assert knobs["diffc"] == {"realism", "seed"}
    assert knobs["cdc"] == {"steps", "gamma", "eta", "seed"}
    assert knobs["cod-lite"] == set()
    *_, last = engine.encode(texture, codec="toy", num_bytes=3000)
    assert len(last.data) <= 3000
    info = engine.describe(last.data)
    assert (info.codec, info.model, info.is_embedded) == ("toy", "toy-model", False)
    assert info.facts["factor"] in (2, 3, 4, 6)
    *_, frame = engine.decode(last.data, reference=texture)
    assert np.array_equal(frame.pixels, last.frame.pixels)
    assert frame.psnr_db == psnr_db(texture, frame.pixels) > 15
    with pytest.raises(TruncatedBitstream, match="Toy file"):
        engine.decode(last.data, num_bytes=200)
    with pytest.raises(RateError, match="Toy, which has no decoder 'flow'"):
        engine.decode(last.data, decoder="flow")
    with pytest.raises(RateError, match="Toy has no decoder that draws"):
        engine.samples(last.data)
    assert [point.num_bytes for point in engine.sweep(texture, model="toy-model")]
    assert engine.bits_map(last.data) is None
    assert engine.curve(last.data) == []


def test_command_line(picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, png = tmp_path / "a.difd", tmp_path / "a.png"
    assert parser.main(["encode", str(picture), "-o", str(file), "--codec", "toy", "--bytes", "3000", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["codec"], report["model"], report["delta"]) == ("toy", "toy-model", None)
    assert parser.main(["decode", str(file), "-o", str(png)]) == 0
    with Image.open(png) as decoded:
        assert decoded.size == (128, 96)
    capsys.readouterr()
    assert parser.main(["info", str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["factor"] == report["factor"]
    assert parser.main(["encode", str(picture), "-o", str(file), "--codec", "toy", "--seed", "1"]) == 1
    assert "Toy does not read --seed" in capsys.readouterr().err
    assert parser.main(["decode", str(file), "-o", str(png), "--gamma", "1"]) == 1
    assert "Toy, which has no decoder 'stochastic'" in capsys.readouterr().err


def test_endpoints_of_the_page(url: str, picture: Path) -> None:
    with closing(client_of(url)) as client:
        file, report = client.predict(handle_file(picture), 2.0, 3000, codec="toy", api_name="/compress")
        assert 0 < report["num_bytes"] <= 3000
        assert (report["model"], report["decoder"]) == ("toy-model", "deterministic")
        png, decoded = client.predict(handle_file(file), api_name="/decompress")
        assert decoded["num_bytes"] == report["num_bytes"]
        with Image.open(png) as opened:
            assert opened.size == (128, 96)
        assert client.predict(handle_file(file), api_name="/inspect")["codec"] == "toy"
        *_, compared = client.predict(handle_file(picture), 3000, "toy", "cdc", api_name="/compare_codecs")
        assert {"toy", "cdc"} <= set(str(compared).replace("'", " ").split())
        *_, batch = client.predict([handle_file(picture)], 2.0, codec="toy", api_name="/batch")
        assert [entry["error"] for entry in batch["pictures"]] == [""]


def test_studio(engine: Engine, picture: Path) -> None:
    """On the page: it can be chosen, its file is told, drawn and decoded, and it stands beside other codecs."""
    acts = Acts(engine, Turns(patience=0))
    with Image.open(picture) as opened:
        source = Session(source=to_png(np.asarray(opened)))
    *_, screen = acts.handlers.encode(source, Settings(codec="toy", num_bytes=3000))
    session = screen.session
    assert (session.codec, session.model) == ("toy", "toy-model")
    assert "Toy, deterministic" in screen.stage["right"]["caption"]
    assert ("Toy", "toy") in screen.compare["choices"]
    *_, plot = acts.plotting.complete(session, "psnr_db")
    assert "Toy, one step" in {trace.name for trace in plot.data}
    *_, decoded = acts.viewing.refine(session, Choices(decoder="deterministic"), Halves("jpeg", against="toy"))
    assert decoded.stage["left"]["caption"].startswith("JPEG")
    assert decoded.stage["right"]["caption"].startswith("Toy")
    radios = [block for block in built(engine).blocks.values() if block.elem_id == "codec"]
    assert ("Toy", "toy") in radios[0].choices


def test_batch(engine: Engine, picture: Path) -> None:
    *_, last = compress_all(engine, [picture], Order("toy-model", num_bytes=3000))
    (outcome,) = last.outcomes
    assert 0 < outcome.num_bytes <= 3000
    assert not outcome.error


def test_evaluation(picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = tmp_path / "results.jsonl"
    assert evaluate.main([str(picture.parent), "-o", str(results), "--codecs", "toy", "--bpp", "0.5", "8"]) == 0
    (line,) = [row for row in map(json.loads, results.read_text().splitlines()) if row["codec"].startswith("toy")]
    assert line["codec"] == "toy deterministic"
    assert line["settings"]["model"] == "toy-model"
    assert [point["target_bpp"] for point in line["points"]] == [0.5, 8]
    assert line["points"][0]["factor"] > line["points"][1]["factor"]
    assert "toy deterministic against jpeg" in capsys.readouterr().out
