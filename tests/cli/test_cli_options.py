"""Options that nobody would read are refused; those that one decoder reads ask for it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from diffdemo.cli import parser
from diffdemo.cli.options import readers
from diffdemo.codecs.rendering import DECODERS, KNOBS, Decoder
from diffdemo.engine import Engine
from diffdemo.errors import MemoryBudgetError
from diffdemo.images import Pixels, to_png


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("diffc", ["--realism", "0.5", "--decoder", "mean"], "The decoder 'mean' does not read --realism"),
        ("diffc", ["--realism", "0.5", "--decoder", "ancestral"], "'ancestral' does not read --realism"),
        ("diffc", ["--realism", "1", "--gamma", "1"], "No decoder reads both --realism and --gamma"),
        ("diffc", ["--steps", "4"], "DiffC, which has no decoder 'deterministic' or 'stochastic', and only that one"),
        ("diffc", ["--eta", "0.5"], "DiffC, which has no decoder 'stochastic', and only that one reads --eta"),
        ("diffc", ["--gamma", "0.5", "--decoder", "flow"], "DiffC, which has no decoder 'stochastic'"),
        ("diffc", ["--seed", "1"], "'mean' does not read --seed; please leave it out, or choose --decoder ancestral."),
        ("diffc", ["--seed", "0", "--decoder", "flow"], "'flow' does not read --seed"),
        ("cdc", ["--realism", "0.5"], "CDC, which has no decoder 'flow', and only that one reads --realism"),
        ("cdc", ["--realism", "1", "--decoder", "stochastic"], "CDC, which has no decoder 'flow'"),
        ("cdc", ["--gamma", "1", "--decoder", "deterministic"], "'deterministic' does not read --gamma"),
        ("cdc", ["--eta", "0", "--decoder", "deterministic"], "'deterministic' does not read --eta"),
        ("cdc", ["--seed", "1"], "'deterministic' does not read --seed"),
    ],
)
def test_what_a_decode_would_not_read(
    kind: str,
    options: list[str],
    message: str,
    data: bytes,
    cdc_data: bytes,
    tmp_path: Path,
    failure: Callable[[], str],
) -> None:
    (tmp_path / "file").write_bytes({"diffc": data, "cdc": cdc_data}[kind])
    assert parser.main(["decode", str(tmp_path / "file"), "-o", str(tmp_path / "o.png"), *options]) == 1
    said = failure()
    assert message in said
    assert "please leave" in said
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize(
    ("kind", "options", "decoder"),
    [
        ("diffc", ["--realism", "0.5"], "flow"),
        ("diffc", ["--realism", "0"], "flow"),
        ("diffc", ["--seed", "3", "--decoder", "ancestral"], "ancestral"),
        ("cdc", ["--gamma", "0.5", "--eta", "0.1", "--seed", "1", "--steps", "1"], "stochastic"),
    ],
)
def test_what_a_decode_reads(
    kind: str,
    options: list[str],
    decoder: str,
    data: bytes,
    cdc_data: bytes,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "file").write_bytes({"diffc": data, "cdc": cdc_data}[kind])
    assert parser.main(["decode", str(tmp_path / "file"), "-o", str(tmp_path / "o.png"), *options, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["decoder"] == decoder


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--preset", "fast"], "CDC does not read --preset; please leave it out."),
        (["--preset", "balanced"], "CDC does not read --preset"),
        (["--seed", "0"], "CDC does not read --seed"),
        (["--prompt", "a cat"], "CDC takes no prompt"),
    ],
)
@pytest.mark.parametrize("choice", [["--codec", "cdc"], ["--model", "cdc-small"]])
def test_what_an_encode_would_not_read(
    options: list[str], message: str, choice: list[str], picture: Path, tmp_path: Path, failure: Callable[[], str]
) -> None:
    assert parser.main(["encode", str(picture), "-o", str(tmp_path / "o"), *choice, *options]) == 1
    assert message in failure()
    assert not (tmp_path / "o").exists()


def test_every_knob_has_readers_and_every_decoder_reads_known_ones() -> None:
    assert all(readers(name) for name in KNOBS)
    assert set(DECODERS) == set(Decoder)
    assert {name for way in DECODERS.values() for name in way.knobs} == set(KNOBS)


@pytest.mark.parametrize("rate", [["--bpp", "900"], ["--bytes", "1000000000000"], ["--bytes", "1"]])
def test_rates_beyond_all_files(rate: list[str], picture: Path, tmp_path: Path, failure: Callable[[], str]) -> None:
    assert parser.main(["encode", str(picture), "-o", str(tmp_path / "o"), *rate]) == 1
    assert {"900": "at most 24", "1000000000000": "at most 8,388,608", "1": "at least "}[rate[1]] in failure()


@pytest.mark.parametrize("codec", ["diffc", "cdc"])
@pytest.mark.parametrize("side", [1, 2])
def test_a_tiny_picture_says_why_its_file_is_larger(
    codec: str, side: int, gradient: Pixels, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.png").write_bytes(to_png(gradient[:side, :side].copy()))
    command = ["encode", str(tmp_path / "a.png"), "-o", str(tmp_path / "o"), "--codec", codec, "--json"]
    assert parser.main([*command, "--bpp", "1"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["num_bytes"] <= 64
    assert "A file has its header, and a first step" in report["notes"][-1]


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("[enforce fail at alloc_cpu.cpp:124] . DefaultCPUAllocator: can't allocate memory: you tried to"),
        RuntimeError("can't start new thread"),
        MemoryBudgetError("There is not enough memory for it."),
    ],
)
def test_memory_that_runs_out(
    error: Exception,
    picture: Path,
    tmp_path: Path,
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
    failure: Callable[[], str],
) -> None:
    def run_out(*arguments: object, **options: object) -> None:
        raise error

    monkeypatch.setattr(engine, "encode", run_out)
    assert parser.main(["encode", str(picture), "-o", str(tmp_path / "o")]) == 1
    assert "not enough memory" in failure()


def test_our_own_mistakes_are_not_hidden(
    picture: Path, tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mistake(*arguments: object, **options: object) -> None:
        raise RuntimeError("shapes differ")

    monkeypatch.setattr(engine, "encode", mistake)
    with pytest.raises(RuntimeError, match="shapes differ"):
        parser.main(["encode", str(picture), "-o", str(tmp_path / "o")])
