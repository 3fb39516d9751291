"""The figure of rate and distortion: what it shows in each view, and what it says."""

from __future__ import annotations

import pytest
from fakes import FakeEngine

from diffdemo.engine import CurvePoint
from diffdemo.engine.classical.formats import FORMATS
from diffdemo.metrics.published import published
from diffdemo.ui.memory.tried import MAX_TRIED, Tried, name_of
from diffdemo.ui.plot.figure import Curve
from diffdemo.ui.plot.lines import lines_of
from diffdemo.ui.plot.published import NOTHING, WHERE, choices, credit, overlays_of
from diffdemo.ui.plot.rd_plot import HEIGHT, rd_plot
from diffdemo.ui.plot.view import View
from diffdemo.ui.words import steps

PIXELS = 16_000
OWN = Curve(
    "diffc",
    (
        CurvePoint(1000, 0.5, {"psnr_db": 25.0, "ms_ssim": 0.9}),
        CurvePoint(2000, 1.0, {"psnr_db": 30.0, "ms_ssim": 0.99}),
    ),
)
JPEG = Curve(
    "jpeg",
    (
        CurvePoint(1000, 0.5, {"psnr_db": 22.0, "ms_ssim": 0.8}),
        CurvePoint(8000, 4.0, {"psnr_db": 50.0, "ms_ssim": 0.999}),
    ),
)
HERE = CurvePoint(1500, 0.75, {"psnr_db": 27.0, "ms_ssim": 0.95})
COMPRESSAI = "kodak/compressai"
CODECS = FakeEngine().codecs()


def draw(*curves, view="psnr_db", tried=(), **options):
    wanted = View.read(view)
    others = overlays_of(wanted)
    return rd_plot(lines_of(CODECS, curves, tried), view=wanted, num_pixels=PIXELS, others=others, **options)


def names(figure) -> list[str]:
    return [trace.name for trace in figure.data]


def test_views_survive_being_words():
    views = [View(), View("ms_ssim", "bytes", "log", frozenset({"jpeg", "cdc"}), COMPRESSAI, True)]
    assert [View.read(view.words()) for view in views] == views
    assert View.read("ms_ssim") == View("ms_ssim")
    assert View.read("nonsense") == View()


def test_it_follows_our_points_and_marks_where_we_are():
    figure = draw(OWN, JPEG, shown=HERE)
    assert figure.layout.xaxis.range[1] < 2
    assert max(figure.data[1].x) == figure.layout.xaxis.range[1]
    assert figure.layout.shapes[0].x0 == 0.75
    assert {note.text for note in figure.layout.annotations} == {"DiffC, average", "JPEG"}
    assert figure.data[1].line.color == FORMATS["jpeg"].colour


def test_similarity_is_drawn_in_decibels_and_what_is_not_known_is_left_out():
    own = Curve(
        "diffc", (CurvePoint(10, 0.5, {"psnr_db": 25.0, "ms_ssim": 0.9}), CurvePoint(20, 1.0, {"psnr_db": 30.0}))
    )
    figure = draw(own, view="ms_ssim")
    assert list(figure.data[0].y) == pytest.approx([10.0])
    assert len(figure.layout.shapes) == 0


def test_an_empty_plot_has_axes_and_they_hold_still_for_the_first_point():
    assert draw().layout.xaxis.range == (0, 0.5)
    figure = draw(
        Curve("diffc", (CurvePoint(4, 0.002, {"psnr_db": 15.0}),)), shown=CurvePoint(4, 0.002, {"psnr_db": 15.0})
    )
    low, high = figure.layout.yaxis.range
    assert high - low >= 8
    assert figure.layout.xaxis.range == (0, 0.5)


def test_bytes_across_are_the_bytes_of_the_files():
    figure = draw(OWN, view="psnr_db bytes", shown=HERE)
    assert list(figure.data[0].x) == [1000, 2000]
    assert figure.layout.shapes[0].x0 == 1500
    assert figure.layout.xaxis.title.text == "bytes of the file"
    assert figure.layout.meta == {"across": "bytes", "pixels": PIXELS, "name": "picture"}


def test_a_logarithmic_axis_has_exponents_for_its_ends_and_names():
    figure = draw(OWN, view="psnr_db log", shown=HERE)
    low, high = figure.layout.xaxis.range
    assert figure.layout.xaxis.type == "log"
    assert 10**low < 0.5
    assert 10**high == pytest.approx(1.15)
    assert high - low >= 1
    assert figure.layout.annotations[0].x == pytest.approx(0.0)
    assert figure.layout.shapes[0].x0 == 0.75


def test_pointing_at_a_point_tells_its_numbers_but_not_where_a_line_leaves_the_plot():
    own, jpeg = draw(OWN, JPEG).data
    assert own.hovertext[0] == "DiffC, average<br>1,000 bytes · 0.500 bpp<br>25.00 dB · MS-SSIM 0.9000"
    assert jpeg.hoverinfo == ("text", "skip")


def test_lines_can_be_switched_off():
    tried = Tried("diffc", name_of("flow", {"realism": 1.0}), HERE).among(())
    cdc = Curve("cdc", (HERE,))
    shown = draw(OWN, JPEG, cdc, tried=tried)
    assert names(shown) == ["DiffC, average", "JPEG", "CDC, one step", "DiffC-F"]
    hidden = draw(OWN, JPEG, cdc, tried=tried, view="psnr_db -jpeg -cdc -tried")
    assert names(hidden) == ["DiffC, average"]
    assert "JPEG" not in {note.text for note in hidden.layout.annotations}


def test_tried_decodes_stay_each_once_and_not_for_ever():
    first = Tried("diffc", "DiffC-F", CurvePoint(5, 0.1, {"psnr_db": 20.0}))
    again = Tried("diffc", "DiffC-F", CurvePoint(5, 0.1, {"psnr_db": 21.0}))
    name = f"CDC, {name_of('stochastic', {'gamma': 0.8, 'eta': 0.0})}, {steps(17)}"
    other = Tried("cdc", name, CurvePoint(5, 0.1, {"psnr_db": 21.0}))
    assert again.among(other.among((first,))) == (other, again)
    many: tuple[Tried, ...] = ()
    for size in range(2 * MAX_TRIED):
        many = Tried("diffc", "DiffC-A", CurvePoint(size, 0.1, {"psnr_db": 20.0})).among(many)
    assert len(many) == MAX_TRIED
    assert other.name == "CDC, gamma 0.8, 17 steps"
    assert name_of("flow", {"realism": 0.5}) == "DiffC-F, realism 0.5"


def test_published_curves_are_dashed_where_they_are_estimates():
    figure = draw(OWN, view=f"psnr_db +{COMPRESSAI}")
    dashes = {trace.name: trace.line.dash for trace in figure.data if trace.line.dash}
    expected = [curve for curve in published("kodak", "psnr_db") if curve.source.title.startswith("CompressAI")]
    assert dashes == {curve.label: "dash" if curve.is_estimate else "solid" for curve in expected}
    assert set(dashes.values()) == {"dash", "solid"}
    assert figure.layout.showlegend
    assert figure.layout.height > HEIGHT


@pytest.mark.parametrize("key", [key for _, key in choices() if key])
@pytest.mark.parametrize("view", ["psnr_db", "ms_ssim", "psnr_db log"])
def test_every_set_of_published_curves_can_be_shown_or_says_why_not(key, view):
    view = f"{view} +{key}"
    figure = draw(OWN, view=view)
    low, high = figure.layout.yaxis.range
    assert low < high
    words = credit(View.read(view))
    assert words == f"<p>{NOTHING}</p>" if len(figure.data) == 1 else 'href="https://' in words
    assert (not overlays_of(View.read(view))) == (NOTHING in words)


def test_published_curves_need_bits_per_pixel():
    view = f"psnr_db bytes +{COMPRESSAI}"
    assert names(draw(OWN, view=view)) == ["DiffC, average"]
    assert WHERE in credit(View.read(view))
    assert credit(View()) == ""


def test_published_curves_of_one_picture_are_called_so():
    assert "one other picture" in credit(
        View(others=next(key for name, key in choices() if name.startswith("Kodak 06")))
    )
