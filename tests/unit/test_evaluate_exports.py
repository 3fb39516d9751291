"""What others read: each export against the schema that its readers document, and back again."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from diffdemo.errors import DiffDemoError
from diffdemo.measure.exports.csv_table import COLUMNS, csv_table
from diffdemo.measure.exports.folder import export
from diffdemo.measure.results.curves import curves_of, latest
from diffdemo.metrics.published import read_results
from diffdemo.metrics.registry import METRICS

NUMBERS = {"type": "array", "minItems": 1, "items": {"type": "number"}}
COMPRESSAI = {
    # As the files in results/image/kodak of the repository InterDigitalInc/CompressAI.
    "type": "object",
    "required": ["name", "description", "results"],
    "properties": {
        "name": {"type": "string"},
        "description": {"type": "string"},
        "results": {
            "type": "object",
            "required": ["bpp", "psnr-rgb"],
            "additionalProperties": NUMBERS,
        },
    },
}
DESCRIPTIONS = {
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": {"type": "string"},
    },
}
CODEC_COMPARE = {
    # README of webmproject/codec-compare, "Plug data at serve time".
    "type": "object",
    "required": ["constant_descriptions", "constant_values", "field_descriptions", "field_values"],
    "additionalProperties": False,
    "properties": {
        "constant_descriptions": DESCRIPTIONS,
        "constant_values": {"type": "array", "items": {"type": "string"}},
        "field_descriptions": DESCRIPTIONS,
        "field_values": {
            "type": "array",
            "minItems": 1,
            "items": {"type": "array", "items": {"type": ["string", "number"]}},
        },
    },
}
BATCHES = {
    "type": "array",
    "minItems": 1,
    "items": {"type": "array", "minItems": 1, "maxItems": 1, "items": {"type": "string"}},
}
RECOGNISED = (
    {"name", "codec", "version", "time", "hardware"},
    {"original_name", "encoded_size", "bpp", "psnr", "msssim"},
)
"""Constants and fields that it knows by these names, in its src/entry.ts, spaces written as underlines; and ours."""


def line(picture: str, codec: str, *, offset: float = 0.0, count: int = 9, lossless: bool = False) -> dict[str, Any]:
    """A curve as evaluations write it: 6 dB for each doubling, MS-SSIM at every other point."""
    points: list[dict[str, Any]] = []
    for number in range(count):
        bpp = 0.1 * 1.5**number
        points.append(
            {
                "num_bytes": round(49152 * bpp),
                "bpp": bpp,
                "psnr_db": 36 + 6 * math.log2(bpp) + offset,
                "ms_ssim": 0.9 + 0.01 * number if number % 2 == 0 else None,
                "lpips": None,
            }
        )
    if lossless:
        points[-1]["psnr_db"] = None
    return {
        "picture": picture,
        "sha256": picture * 64,
        "codec": codec,
        "width": 768,
        "height": 512,
        "settings": {"model": "photo-small"} if codec.startswith("diffc") else {},
        "points": points,
        "versions": {"diffdemo": "1.0", "python": "3.12"},
        "hardware": "a processor",
    }


@pytest.fixture
def rows() -> list[dict[str, Any]]:
    return [line(p, codec, offset=o) for p in "ab" for codec, o in (("jpeg", 0.0), ("diffc mean", 3.0))]


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def test_means_are_in_the_format_of_compressai(rows: list[dict], tmp_path: Path) -> None:
    export(rows, tmp_path / "out")
    for name in ("jpeg", "diffc-mean"):
        content = read(tmp_path / "out" / "compressai" / f"{name}.json")
        jsonschema.validate(content, COMPRESSAI)
        assert len({len(values) for values in content["results"].values()}) == 1
        assert content["results"]["bpp"] == sorted(content["results"]["bpp"])
        assert set(content["results"]) == {"bpp", "psnr-rgb"}, "MS-SSIM is not known everywhere"
        assert content["description"] == "mean over 2 pictures at equal settings"
    first = read(tmp_path / "out" / "compressai" / "jpeg.json")["results"]
    assert first["bpp"][0] == pytest.approx(0.1)
    assert first["psnr-rgb"][0] == pytest.approx(36 + 6 * math.log2(0.1))


def test_an_export_can_be_read_as_a_published_curve(rows: list[dict], tmp_path: Path) -> None:
    export(rows, tmp_path)
    curve = read_results(tmp_path / "compressai" / "diffc-mean.json")
    assert (curve.label, curve.metric, curve.rate_is) == ("diffc mean", "psnr_db", "file")
    assert curve.points[0] == pytest.approx((0.1, 39 + 6 * math.log2(0.1)))
    assert len(curve.points) == 9
    assert curve.source.note == "mean over 2 pictures at equal settings. Measured on: a processor."


def test_batches_are_in_the_format_of_codec_compare(rows: list[dict], tmp_path: Path) -> None:
    export(rows, tmp_path)
    names = read(tmp_path / "codec-compare" / "batches.json")
    jsonschema.validate(names, BATCHES)
    assert names == [["jpeg.json"], ["diffc-mean.json"]]
    for (name,) in names:
        batch = read(tmp_path / "codec-compare" / name)
        jsonschema.validate(batch, CODEC_COMPARE)
        constants = [key for each in batch["constant_descriptions"] for key in each]
        fields = [key for each in batch["field_descriptions"] for key in each]
        assert len(constants) == len(batch["constant_values"]), "its loader refuses anything else"
        assert all(len(row) == len(fields) for row in batch["field_values"])
        assert set(constants) >= RECOGNISED[0] | {"hardware", "settings"}
        assert set(fields) >= RECOGNISED[1]
        # MS-SSIM is known of 5 of 9 files of a picture: those rows stay, all whole.
        assert len(batch["field_values"]) == 2 * 5
        sizes = {row[fields.index("encoded_size")] for row in batch["field_values"]}
        assert all(isinstance(size, int) for size in sizes)
        row = batch["field_values"][0]
        area = row[fields.index("width")] * row[fields.index("height")]
        assert row[fields.index("bpp")] == pytest.approx(8 * row[fields.index("encoded_size")] / area, rel=1e-3)


def test_what_is_lossless_is_left_out_where_it_cannot_be_said(tmp_path: Path) -> None:
    rows = [line("a", "jpeg", lossless=True), line("b", "jpeg")]
    export(rows, tmp_path)
    means = read(tmp_path / "compressai" / "jpeg.json")["results"]
    assert len(means["bpp"]) == 8, "the same settings of both pictures"
    batch = read(tmp_path / "codec-compare" / "jpeg.json")
    assert len(batch["field_values"]) == 9
    assert "NaN" not in json.dumps(batch)


def test_curves_of_unequal_length_are_averaged_at_equal_rates(tmp_path: Path) -> None:
    export([line("a", "diffc mean"), line("b", "diffc mean", offset=2.0, count=7)], tmp_path)
    content = read(tmp_path / "compressai" / "diffc-mean.json")
    assert "at equal bits per pixel" in content["description"]
    bpp, psnr_db, ms_ssim = (content["results"][key] for key in ("bpp", "psnr-rgb", "ms-ssim-rgb"))
    assert bpp[0] == pytest.approx(0.1)
    assert bpp[-1] == pytest.approx(0.1 * 1.5**6)
    assert psnr_db == pytest.approx([37 + 6 * math.log2(rate) for rate in bpp])
    assert ms_ssim[-1] == pytest.approx(0.96)


def test_the_table_has_a_line_for_every_file(rows: list[dict]) -> None:
    table = list(csv.DictReader(io.StringIO(csv_table(latest(rows)))))
    assert tuple(table[0]) == COLUMNS
    assert set(METRICS) < set(COLUMNS)
    assert len(table) == 4 * 9
    first = table[0]
    assert (first["picture"], first["codec"], first["setting"], first["model"]) == ("a", "jpeg", "1", "")
    assert float(first["psnr_db"]) == rows[0]["points"][0]["psnr_db"]
    assert first["lpips"] == "", "not measured"
    assert {row["model"] for row in table if row["codec"] == "diffc mean"} == {"photo-small"}


def test_the_last_line_about_a_picture_counts(rows: list[dict]) -> None:
    again = line("a", "jpeg", offset=1.0)
    found = curves_of(latest([*rows, again]))
    assert found["jpeg"]["a" * 64][0].psnr_db == again["points"][0]["psnr_db"]


def test_a_folder_that_cannot_be_made_is_said(rows: list[dict], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DiffDemoError, match="Please name another place"):
        export(rows, tmp_path / "file" / "out")


@pytest.mark.parametrize(
    "content",
    [
        "no JSON",
        "[]",
        '{"results": {"bpp": [1.0]}}',
        '{"results": {"bpp": [1.0, 2.0], "psnr": [30.0]}}',
        '{"results": {"bpp": [0.0], "psnr": [30.0]}}',
        '{"results": {"bpp": [], "psnr": []}}',
        '{"results": {"bpp": ["much"], "psnr": [30.0]}}',
        '{"results": {"bpp": [1.0], "psnr": [NaN]}}',
    ],
)
def test_files_of_others_that_are_none_are_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text(content)
    with pytest.raises(DiffDemoError, match="not a file of results in CompressAI's format"):
        read_results(tmp_path / "other.json")
    with pytest.raises(DiffDemoError, match="Cannot read"):
        read_results(tmp_path / "nothing.json")


def test_rates_of_others_are_estimates_unless_they_say_otherwise(tmp_path: Path) -> None:
    content = {"name": "VTM", "results": {"bpp": [0.2, 0.1], "psnr": [30.0, 28.0]}}
    (tmp_path / "vtm.json").write_text(json.dumps(content))
    curve = read_results(tmp_path / "vtm.json")
    assert (curve.label, curve.is_estimate, curve.points) == ("VTM", True, ((0.1, 28.0), (0.2, 30.0)))
    (tmp_path / "vtm.json").write_text(json.dumps(content | {"rate": "file", "source": "a paper"}))
    assert not read_results(tmp_path / "vtm.json").is_estimate
    source = read_results(tmp_path / "vtm.json").source
    assert (source.title, source.note) == ("a paper", "Measured on: not said.")
