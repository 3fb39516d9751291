"""The commands with files of CDC: other decoders and numbers, and whole files only."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from diffdemo.cli import parser
from diffdemo.codecs.cdc import Cdc
from diffdemo.coding.container import read_bitstream, write_bitstream
from diffdemo.engine import Engine
from diffdemo.images import Pixels, to_png
from tests.cli.conftest import WHOLE_BYTES


@pytest.fixture
def small_picture(small: Pixels, tmp_path: Path) -> Path:
    path = tmp_path / "small.png"
    path.write_bytes(to_png(small))
    return path


def decoded(path: Path) -> Pixels:
    with Image.open(path) as opened:
        return np.array(opened)


def test_encode(small_picture: Path, tmp_path: Path, cdc_data: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.difd"
    command = ["encode", str(small_picture), "-o", str(out), "--codec", "cdc", "--bytes", str(WHOLE_BYTES), "--json"]
    assert parser.main(command) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["codec"], report["width"], report["height"]) == ("cdc", 48, 40)
    assert (report["preset"], report["seed"]) == (None, None), "it has neither"
    assert (report["decoder"], report["steps"]) == ("deterministic", 1), "what the PSNR is of"
    assert report["delta"] > 0
    assert report["num_bytes"] == out.stat().st_size <= WHOLE_BYTES
    assert out.read_bytes() == cdc_data


def test_a_model_brings_its_codec(small_picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.difd"
    assert parser.main(["encode", str(small_picture), "-o", str(out), "--model", "cdc-small", "--bpp", "4"]) == 0
    lines = capsys.readouterr().out.splitlines()
    labels = {line.split("  ")[0] for line in lines}
    assert "quantisation step" in labels
    assert not {"preset", "seed"} & labels
    assert out.stat().st_size <= 4 * 48 * 40 / 8


@pytest.mark.parametrize(
    ("options", "decoder", "steps"),
    [
        (["--steps", "2"], "deterministic", 2),
        (["--decoder", "deterministic", "--steps", "1"], "deterministic", 1),
        (["--decoder", "stochastic", "--steps", "2"], "stochastic", 2),
        (["--gamma", "0.5", "--steps", "2"], "stochastic", 2),
        (["--eta", "1", "--steps", "2"], "stochastic", 2),
    ],
)
def test_decode(
    options: list[str],
    decoder: str,
    steps: int,
    cdc_file: Path,
    tmp_path: Path,
    engine: Engine,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out.png"
    assert parser.main(["decode", str(cdc_file), "-o", str(out), *options, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["decoder"], report["steps"]) == (decoder, steps)
    assert report["num_bytes"] == cdc_file.stat().st_size
    numbers = {
        name: float(options[options.index(f"--{name}") + 1]) for name in ("gamma", "eta") if f"--{name}" in options
    }
    *_, last = engine.decode(cdc_file.read_bytes(), decoder=decoder, steps=steps, **numbers)
    assert np.array_equal(decoded(out), last.pixels)


def test_the_seed_draws_another_picture(cdc_file: Path, tmp_path: Path) -> None:
    pictures = []
    for number, seed in enumerate(["5", "5", "6"]):
        out = tmp_path / f"{number}.png"
        command = ["decode", str(cdc_file), "-o", str(out), "--gamma", "1", "--steps", "1", "--seed", seed]
        assert parser.main(command) == 0
        pictures.append(out.read_bytes())
    assert pictures[0] == pictures[1] != pictures[2]


def test_every_step_is_kept(cdc_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "frames"
    command = [
        "decode",
        str(cdc_file),
        "-o",
        str(tmp_path / "o.png"),
        "--steps",
        "3",
        "--frames",
        str(folder),
        "--json",
    ]
    assert parser.main(command) == 0
    assert json.loads(capsys.readouterr().out)["num_frames"] == 3
    assert sorted(os.listdir(folder)) == ["frame-0001.png", "frame-0002.png", "frame-0003.png"]
    assert (folder / "frame-0003.png").read_bytes() == (tmp_path / "o.png").read_bytes()


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("cdc", ["--decoder", "mean"], "CDC, which has no decoder 'mean'; choose one of: deterministic, stochastic."),
        ("cdc", ["--bytes", "100"], "are no picture; please leave out --bytes"),
        ("diffc", ["--decoder", "stochastic"], "DiffC, which has no decoder 'stochastic'; choose one of: mean, flow"),
        ("diffc", ["--gamma", "1"], "DiffC, which has no decoder 'stochastic'"),
    ],
)
def test_what_does_not_suit_the_file_is_refused(
    kind: str,
    options: list[str],
    message: str,
    data: bytes,
    cdc_data: bytes,
    tmp_path: Path,
    failure: Callable[[], str],
) -> None:
    file = tmp_path / "file.difd"
    file.write_bytes({"diffc": data, "cdc": cdc_data}[kind])
    assert parser.main(["decode", str(file), "-o", str(tmp_path / "o.png"), *options]) == 1
    assert message in failure()
    assert set(os.listdir(tmp_path)) == {file.name}


def cut(data: bytes) -> bytes:
    return data[: len(data) * 2 // 3]


def cut_in_the_header(data: bytes) -> bytes:
    return data[:12]


def flipped(data: bytes) -> bytes:
    return data[:-9] + bytes([data[-9] ^ 4]) + data[-8:]


def flipped_in_the_header(data: bytes) -> bytes:
    return data[:11] + bytes([data[11] ^ 4]) + data[12:]


def rewritten(data: bytes) -> bytes:
    """Bytes that nobody encoded under a header that agrees with them."""
    header = read_bitstream(data).header
    return write_bitstream(
        codec_id=Cdc.codec_id,
        fingerprint=header.fingerprint,
        width=header.width,
        height=header.height,
        parameters=header.parameters,
        payload=np.random.default_rng(0).bytes(header.payload_bytes + 500),
    )


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (cut, "A CDC file cannot be decoded in part"),
        (cut_in_the_header, "ends inside its header"),
        (flipped, "The file is damaged"),
        (flipped_in_the_header, "header is damaged"),
        (rewritten, ""),
    ],
)
def test_a_file_that_is_not_whole_leaves_nothing(
    harm: Callable[[bytes], bytes], message: str, cdc_data: bytes, tmp_path: Path, failure: Callable[[], str]
) -> None:
    file = tmp_path / "harmed.difd"
    file.write_bytes(harm(cdc_data))
    command = ["decode", str(file), "-o", str(tmp_path / "o.png"), "--frames", str(tmp_path / "frames"), "--steps", "1"]
    assert parser.main(command) == 1
    assert message in failure()
    assert set(os.listdir(tmp_path)) == {file.name}


def test_info(cdc_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert parser.main(["info", str(cdc_file), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["codec"], report["model"], report["width"], report["height"]) == ("cdc", "cdc-small", 48, 40)
    assert (report["seed"], report["preset"], report["steps"], report["is_embedded"]) == (None, None, [], False)
    assert parser.main(["info", str(cdc_file)]) == 0
    lines = dict(line.split("  ", 1) for line in capsys.readouterr().out.splitlines())
    assert float(lines["quantisation step"]) == pytest.approx(report["delta"], abs=1e-4)
    assert lines["decoding"].strip() == "needs the whole file"
    assert not {"preset", "seed"} & set(lines)


@pytest.mark.parametrize(("harm", "state"), [(cut, "; cut"), (flipped, "; damaged")])
def test_info_of_a_file_that_is_not_whole(
    harm: Callable[[bytes], bytes], state: str, cdc_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cdc_file.write_bytes(harm(cdc_file.read_bytes()))
    assert parser.main(["info", str(cdc_file)]) == 0
    out = capsys.readouterr().out
    assert state in out
    assert "not possible: needs the whole file" in out
