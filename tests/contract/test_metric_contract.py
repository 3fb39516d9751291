"""A metric is one file and one entry in the registry; then it is on the page, in evaluations and in exports."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import gradio as gr
import pytest
from fakes import FakeEngine
from gradio.utils import get_upload_folder
from PIL import Image
from serving import built
from stage import shown
from toy_metric import entry, mean_absolute_error

from diffdemo.engine import Engine
from diffdemo.engine.batch.archive import table
from diffdemo.engine.batch.compress import Order, compress_all
from diffdemo.images import Pixels, to_png
from diffdemo.measure import evaluate
from diffdemo.metrics.points import few
from diffdemo.metrics.registry import METRICS, Metric, When
from diffdemo.ui.batch.table import batch_table
from diffdemo.ui.memory.session import Session
from diffdemo.ui.plot.baselines import Baselines
from diffdemo.ui.plot.rd_plot import rd_plot
from diffdemo.ui.plot.view import View, height
from diffdemo.ui.programs.compare import Comparison as Compare
from diffdemo.ui.programs.endpoints import Endpoints
from diffdemo.ui.studio.choices import Halves, Settings
from diffdemo.ui.studio.comparison import Comparison
from diffdemo.ui.studio.compress import Handlers
from diffdemo.ui.studio.plotting import Plotting
from diffdemo.ui.studio.screen import Painter, Screen
from diffdemo.ui.turns import Turns


@pytest.fixture(params=list(When), ids=lambda when: when.name.lower())
def toy(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Metric:
    """In the registry, as a metric for one occasion after the other."""
    metric = entry(request.param)
    monkeypatch.setitem(METRICS, metric.name, metric)
    return metric


class Page:
    """A picture that was compressed, and what handles the events after that."""

    def __init__(self, pixels: Pixels) -> None:
        self.engine, turns = FakeEngine(), Turns(patience=0)
        self.painter = Painter(self.engine, Baselines(self.engine))
        self.plotting = Plotting(self.engine, self.painter, turns)
        self.comparison = Comparison(self.engine, self.painter, turns)
        handlers = Handlers(self.engine, self.painter, turns)
        *_, last = handlers.encode(Session(source=to_png(pixels)), Settings(bpp=3.0, codec="diffc"))
        self.session: Session = last.session


@pytest.fixture
def page(toy: Metric, large_picture: Pixels) -> Page:
    return Page(large_picture)


def completed(page: Page, view: str) -> gr.Plot:
    """The plot after whatever takes time."""
    drawn = [page.plotting.replot(page.session, view)[1], *page.plotting.complete(page.session, view)]
    return [plot for plot in drawn if plot != gr.skip()][-1]


def test_it_is_an_axis_of_the_plot(page: Page) -> None:
    (choice,) = (block for block in built(page.engine).blocks.values() if block.elem_id == "metric")
    assert ("MAE", "mae") in choice.choices
    figure = completed(page, "mae")
    assert figure.layout.yaxis.title.text == "MAE, better is up"
    heights = {trace.name: list(trace.y) for trace in figure.data}
    assert {"DiffC, average", "JPEG", "WebP", "AVIF"} <= set(heights)
    assert heights["JPEG"] == sorted(heights["JPEG"])
    assert all(y <= 0 for line in heights.values() for y in line)
    assert all(" · MAE " in text for trace in figure.data for text in trace.hovertext if text)
    assert View.read(View("mae").words()).metric == "mae"
    assert rd_plot((), view=View("mae")).layout.yaxis.range == (-20.0, 0.0)
    assert height(2.0, "mae") == -2.0


def test_it_stands_under_both_sides(page: Page, large_picture: Pixels) -> None:
    def stands(screen: Screen, side: str) -> bool:
        value = mean_absolute_error(large_picture, shown(screen, side))
        return bool(value) and f" · MAE {value:.3f}" in screen.stage[side]["numbers"]

    for key in ("jpeg", "mean"):
        screen = page.comparison.compare(page.session, Halves(key))
        assert stands(screen, "left"), key
        assert stands(screen, "right"), key


def test_it_is_exported_with_the_plot(page: Page) -> None:
    completed(page, "mae")
    text = Path(page.plotting.save_csv(page.session, "mae")).read_text()
    table = list(csv.DictReader(io.StringIO(text)))
    assert {row["line"] for row in table if float(row["mae"] or 0)} >= {"DiffC, average", "JPEG"}
    rows = json.loads(Path(page.plotting.save_json(page.session, "mae")).read_text())
    assert all("mae" in row for row in rows)
    assert {row["line"] for row in rows if row["mae"]} >= {"DiffC, average", "JPEG"}


@pytest.fixture
def picture(large_picture: Pixels) -> str:
    """In a folder of its own, among what was uploaded: handlers open nothing else."""
    Path(get_upload_folder()).mkdir(parents=True, exist_ok=True)
    path = Path(tempfile.mkdtemp(dir=get_upload_folder())) / "picture.png"
    Image.fromarray(large_picture[:96, :96]).save(path)
    return str(path)


def test_endpoints_report_it(toy: Metric, picture: str) -> None:
    engine = FakeEngine()
    assert Endpoints(engine).classical(picture, "jpeg", 3000)[-1]["mae"] > 0
    *_, (_, _, report) = Compare(engine).compare_codecs(picture, 3000)
    assert report["ours"]["mae"] > 0
    assert report["theirs"]["mae"] > 0
    *_, (_, report) = Endpoints(engine).compress(picture)
    assert ("mae" in report) == (toy.when < When.ASKED)


def test_evaluations_measure_and_summarise_it(
    toy: Metric, tmp_path: Path, picture: str, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results.jsonl"
    options = ["--codecs", "cdc", "diffc", "--bpp", "1.0", "--preset", "fast", "--decoders", "mean", "--steps", "1"]
    options += ["--looks", "0.6"]
    assert evaluate.main([str(Path(picture).parent), "-o", str(results), *options]) == 0
    rows = [json.loads(line) for line in results.read_text().splitlines()]
    curves = {row["codec"]: row["points"] for row in rows if "points" in row}
    assert set(curves) >= {"jpeg", "cdc 1 step", "diffc mean"}
    assert all(any(point["mae"] for point in points) for points in curves.values())
    assert all(look["mae"] for row in rows if row["codec"] != "original" for look in row.get("looks", []))
    lines = capsys.readouterr().out.splitlines()
    (start,) = (number for number, line in enumerate(lines) if line.startswith("MAE, mean over the same 1 picture"))
    head, first = (lines[start + n].split() for n in (1, 2))
    assert head[0] == "bpp"
    assert "jpeg" in head
    assert any("." in cell for cell in first[1:])
    assert any("MAE" in line and "JPEG bytes" in line for line in lines), "the table of CDC"


def test_batches_tell_it_of_each_file(toy: Metric, picture: str) -> None:
    *_, last = compress_all(FakeEngine(), [Path(picture)], Order("fake", bpp=3.0))
    (row,) = csv.DictReader(io.StringIO(table(last.outcomes)))
    assert ("mae" in row) == ('<th scope="col">MAE</th>' in batch_table(last.outcomes)) == (toy.when < When.ASKED)
    if toy.when < When.ASKED:
        assert float(row["mae"]) == pytest.approx(last.outcomes[0].values["mae"], abs=1e-6)
        assert f"<td>{float(row['mae']):.3f}</td>" in batch_table(last.outcomes)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    yield Engine()


@pytest.mark.parametrize("codec", ["diffc", "cdc"])
def test_frames_and_curves_carry_it(toy: Metric, engine: Engine, large_picture: Pixels, codec: str) -> None:
    start = int(toy.when)  # The engine remembers what it measured of a file.
    pixels = large_picture[start : start + 64, :64]
    *_, last = engine.encode(pixels, codec=codec, bpp=1.0, preset="fast")
    for frames in ([last.frame], list(engine.decode(last.data, reference=pixels))):
        assert ("mae" in frames[-1].values) == (toy.when < When.ASKED)
        assert all("mae" in frame.values for frame in frames if toy.when is When.FRAME)
        assert all(frame.values.get("mae") in (None, mean_absolute_error(pixels, frame.pixels)) for frame in frames)
    points = engine.curve(last.data)
    known = [point for point in points if "mae" in point.values]
    if codec == "diffc":
        assert len(known) == {When.FRAME: len(points), When.REST: len(few(points)), When.ASKED: 0}[toy.when]


def test_what_cannot_be_measured_here_is_left_out(monkeypatch: pytest.MonkeyPatch, large_picture: Pixels) -> None:
    def why() -> str:
        return "It wants weights."

    lacking = replace(entry(When.FRAME), name="lacking", missing=why, how_to_get=("fetch weights",))
    monkeypatch.setitem(METRICS, lacking.name, lacking)
    page = Page(large_picture)
    blocks = list(built(page.engine).blocks.values())
    (choice,) = (block for block in blocks if block.elem_id == "metric")
    assert all(value != lacking.name for _, value in choice.choices)
    (words,) = (block.value for block in blocks if isinstance(block, gr.Markdown) and why() in block.value)
    assert "    fetch weights" in words
    screen = page.comparison.compare(page.session, Halves("jpeg"))
    assert all("MAE" not in screen.stage[side]["numbers"] for side in ("left", "right"))
