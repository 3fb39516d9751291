"""What an evaluation makes of its results besides the summary."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from diffdemo.errors import DiffDemoError
from diffdemo.measure import evaluate
from diffdemo.measure.results.machine import hardware


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A folder of two pictures and the results of both."""
    folder = tmp_path_factory.mktemp("pictures")
    y, x = np.mgrid[0:64, 0:96]
    for number, name in enumerate("ab"):
        noise = np.random.default_rng(number).normal(0, 8, (64, 96, 3))
        pixels = np.clip(np.stack([x * 2, y * 3, x + y], axis=2) + noise, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{name}.png")
    results = tmp_path_factory.mktemp("results") / "results.jsonl"
    options = ["--bpp", "3", "--preset", "fast", "--decoders", "mean"]
    assert evaluate.main([str(folder), "-o", str(results), *options]) == 0
    return folder, results


def test_results_are_exported_without_measuring_anything(
    measured: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, results = measured
    before = results.read_bytes()
    monkeypatch.setattr(evaluate, "runs_for", lambda *args: pytest.fail("models are loaded"))
    arguments = [str(folder), "-o", str(results), "--no-measure", "--export", str(tmp_path / "out")]
    assert evaluate.main(arguments) == 0
    said = capsys.readouterr()
    assert "diffc mean against jpeg" in said.out
    assert f"files in {tmp_path / 'out'}" in said.err
    assert results.read_bytes() == before
    assert (tmp_path / "out" / "points.csv").read_text().count("\n") > 20
    assert "diffc mean" in (tmp_path / "out" / "compressai" / "diffc-mean.json").read_text()


def test_results_of_others_stand_beside_ours(
    measured: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, results = measured
    other = tmp_path / "other.json"
    rates = [0.5, 1.0, 2.0, 4.0, 8.0]
    content = {"name": "Someone's", "results": {"bpp": rates, "psnr": [26.0, 29.0, 32.0, 35.0, 38.0]}}
    other.write_text(json.dumps(content))
    arguments = [str(folder), "-o", str(results), "--no-measure", "--beside", str(other)]
    assert evaluate.main(arguments) == 0
    (row,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("Someone's")]
    assert "estimate" in row
    other.write_text("{}")
    with pytest.raises(DiffDemoError, match="CompressAI's format"):
        evaluate.main(arguments)


def test_nothing_measured_is_nothing_to_say(measured: tuple[Path, Path], tmp_path: Path) -> None:
    arguments = [
        str(measured[0]),
        "-o",
        str(tmp_path / "none.jsonl"),
        "--no-measure",
        "--export",
        str(tmp_path / "out"),
    ]
    assert evaluate.main(arguments) == 1
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def report(measured: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of both pictures, one of which is shown, and of results of others."""
    folder = tmp_path_factory.mktemp("report")
    other = {"name": "Someone's <codec>", "results": {"bpp": [0.5, 1.0, 2.0, 4.0], "psnr": [26.0, 29.0, 32.0, 35.0]}}
    (folder / "other.json").write_text(json.dumps(other))
    arguments = [str(measured[0]), "-o", str(measured[1]), "--no-measure", "--decoders", "mean", "--preset", "fast"]
    arguments += ["--report", str(folder / "report.html"), "--study", str(folder / "study.html"), "--at", "2"]
    assert evaluate.main([*arguments, "--shown", "1", "--beside", str(folder / "other.json")]) == 0
    assert (folder / "study.key.json").is_file()
    return (folder / "report.html").read_text()


def test_a_report_has_curves_tables_and_how_it_was_measured(report: str, measured: tuple[Path, Path]) -> None:
    assert report.count('class="plotly-graph-div"') >= 1
    assert "<td>diffc mean against jpeg</td>" in report
    assert "Someone&#x27;s &lt;codec&gt;" in report
    assert "<codec>" not in report
    assert f"evaluate {measured[0]} -o {measured[1]} --no-measure" in report
    assert re.search(r"measured by</td><td>diffdemo \d", report)
    assert "model photo-small" in report
    assert f"measured on</td><td>{html.escape(hardware())}</td>" in report
    assert "All tables" in report


def test_a_report_needs_nothing_from_anywhere(report: str) -> None:
    without_plotly = report.partition("</script>")[2]
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", without_plotly)


def test_a_report_shows_pictures_of_equal_bytes(report: str) -> None:
    plates = re.findall(r'<h3>(\w\.png)</h3><div class="plate">(.*?)</div>', report)
    assert [name for name, _ in plates] == ["a.png"]
    names = re.findall(r'alt="([^"]+)"', plates[0][1])
    assert names[0] == "original"
    assert {"diffc mean", "jpeg"} <= set(names)
    sizes = [int(text.replace(",", "")) for text in re.findall(r"([\d,]+) bytes", plates[0][1])]
    assert len(sizes) == len(names) - 1
    assert all(size <= 2 * 64 * 96 / 8 for size in sizes)


@pytest.mark.parametrize(
    ("option", "place"),
    [("--report", "nowhere/report.html"), ("--report", "."), ("--study", "nowhere/study.html"), ("--export", "a file")],
)
def test_places_that_cannot_be_are_refused_before_the_work(
    option: str, place: str, measured: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a file").write_text("")
    monkeypatch.setattr(evaluate, "runs_for", lambda *args: pytest.fail("the work began"))
    with pytest.raises(DiffDemoError, match="Please name another"):
        evaluate.main([str(measured[0]), "-o", str(tmp_path / "new.jsonl"), option, str(tmp_path / place)])
    assert not (tmp_path / "new.jsonl").exists()


@pytest.mark.parametrize("count", ["-1", "many", "1" * 12])
def test_numbers_of_pictures_that_are_none(count: str, measured: tuple[Path, Path]) -> None:
    with pytest.raises(SystemExit):
        evaluate.main([str(measured[0]), "-o", str(measured[1]), "--shown", count])
