"""The pages that evaluations write: a report's figures are drawn and saved, a study asks and saves answers."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from diffdemo.measure.plates import Plate, Shown
from diffdemo.measure.report.page import Report, write_report
from diffdemo.measure.study.answers import answers_table
from diffdemo.measure.study.page import write_study
from diffdemo.measure.study.trials import make_study
from diffdemo.metrics.points import CurvePoint

pytestmark = pytest.mark.browser


@pytest.fixture
def page(chromium: object) -> Iterator[object]:
    """A page on which no script may fail, and which asks no server for anything."""
    page = chromium.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda request: faults.append(request.url) if request.url.startswith("http") else None)
    yield page
    page.close()
    assert faults == []


@pytest.fixture
def plate() -> Plate:
    def shown(level: int, *, is_ours: bool) -> Shown:
        pixels = np.full((32, 48, 3), level, np.uint8)
        return Shown(pixels, CurvePoint(level, 0.3, {"psnr_db": 30.0}), is_ours)

    codecs = {
        "jpeg": shown(60, is_ours=False),
        "diffc mean": shown(90, is_ours=True),
        "webp": shown(120, is_ours=False),
    }
    return Plate("a.png", np.zeros((32, 48, 3), np.uint8), 0.3, codecs)


def test_a_study_asks_about_every_trial_and_saves_the_answers(page: object, plate: Plate, tmp_path: Path) -> None:
    key = write_study(make_study([plate]), tmp_path / "study.html")
    page.goto((tmp_path / "study.html").as_uri())
    page.locator("#viewer").fill("12")
    page.locator("#begin").click()
    assert page.locator("#original").evaluate("image => image.complete && image.naturalWidth") == 48
    page.keyboard.press("1")
    page.locator("#right + button").click()
    with page.expect_download() as download:
        page.locator("#save").click()
    download.value.save_as(tmp_path / "answers.json")
    content = json.loads((tmp_path / "answers.json").read_text())
    assert content["viewer"] == "12"
    assert [answer["choice"] for answer in content["answers"]] == ["left", "right"]
    assert len(list(answers_table(key, [tmp_path / "answers.json"]))) == 2 + 2


@pytest.fixture
def report(plate: Plate, tmp_path: Path) -> Path:
    """A page about two curves of a picture."""
    rows = []
    for codec, better in (("jpeg", 0.0), ("diffc mean", 3.0)):
        points = [
            {
                "num_bytes": round(1000 * bpp),
                "bpp": bpp,
                "psnr_db": 30 + 6 * math.log2(bpp) + better,
                "lpips": 0.3 / bpp - better / 100,
            }
            for bpp in (0.5, 1.0, 2.0, 4.0)
        ]
        rows.append({"picture": "a.png", "sha256": "1" * 64, "codec": codec, "settings": {}, "points": points})
    write_report(Report(["DIR"], rows, [], [plate]), tmp_path / "report.html")
    return tmp_path / "report.html"


def test_a_report_draws_its_curves_and_saves_them(page: object, report: Path, tmp_path: Path) -> None:
    page.goto(report.as_uri())
    page.locator(".plotly-graph-div .scatterlayer .trace").nth(3).wait_for()
    assert page.locator("figure img").count() == 4
    for name, start in (("SVG", b"<svg"), ("PNG", b"\x89PNG")):
        with page.expect_download() as download:
            page.locator(f"button:has-text('{name}')").first.click()
        download.value.save_as(tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(start)
    heights = "figure => figure.data.map(trace => Array.from(trace.y))"
    for line in page.locator(".plotly-graph-div").nth(1).evaluate(heights):
        assert line == sorted(line), "better is up"
        assert max(line) <= 0
    ticks = page.locator(".plotly-graph-div").nth(1).locator(".ytick text").all_text_contents()
    assert len(ticks) > 1
    assert all(float(tick) >= 0 for tick in ticks), "and distances stand at the axis without a sign"


def test_the_application_opens_a_report_and_shuts_it_off(studio: object, report: Path, tmp_path: Path) -> None:
    page = studio
    page.get_by_role("tab", name="Inspect").click()
    page.locator("#report dl, #report p").first.wait_for()
    page.locator("#inspect-file input[type=file]").set_input_files(report)
    frame = page.frame_locator("#report iframe")
    frame.locator(".plotly-graph-div .scatterlayer .trace").nth(3).wait_for()
    assert frame.locator("body").evaluate("() => { try { return parent.document.title } catch { return '' } }") == ""
    with page.expect_download() as download:
        frame.locator("button:has-text('SVG')").first.click()
    download.value.save_as(tmp_path / "SVG")
    assert (tmp_path / "SVG").read_bytes().startswith(b"<svg")
    page.locator("#inspect-file").get_by_label("Clear").click()
    page.locator("#report iframe").wait_for(state="detached")


def test_a_report_reaches_nothing_beyond_itself(fake_url: str, chromium: object, report: Path) -> None:
    page = chromium.new_page()  # On one that is watched, each attempt would count as a fault.
    page.goto(fake_url)
    page.get_by_role("tab", name="Inspect").click()
    page.locator("#inspect-file input[type=file]").set_input_files(report)
    frame = page.frame_locator("#report iframe")
    frame.locator(".plotly-graph-div .scatterlayer .trace").nth(3).wait_for()
    attempts = """async (address) => {
      const tried = [() => document.cookie, () => localStorage.length, () => parent.document, () => fetch(address),
        () => new Promise((done, fail) => Object.assign(new Image(), { onload: done, onerror: fail, src: address })),
        () => { top.location = address; }];
      const outcomes = await Promise.allSettled(tried.map(async (attempt) => attempt()));
      return outcomes.map(({ status }) => status);
    }"""
    asked: list[str] = []
    page.on("requestfinished", lambda request: asked.append(request.url))
    assert frame.locator("body").evaluate(attempts, f"{fake_url}theme.css?report") == 6 * ["rejected"]
    assert not [address for address in asked if "report" in address]
    page.close()
