"""The contract is all that there is: a codec that is registered in one file works in every part of the program."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from diffdemo.cli import parser
from diffdemo.engine import Engine
from diffdemo.engine.batch.compress import Order, compress_all
from diffdemo.errors import RateError, TruncatedBitstream
from diffdemo.images import Pixels
from diffdemo.measure import evaluate
from diffdemo.metrics.distortion import psnr_db
from tests.toy_codec import registered


@pytest.fixture(scope="module", autouse=True)
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with registered(tmp_path_factory.mktemp("toy")) as spec:
        yield spec.name


@pytest.fixture(scope="module")
def engine(model: str) -> Engine:
    return Engine(device="cpu", threads=1)


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
