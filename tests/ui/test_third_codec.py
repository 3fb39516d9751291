"""A third codec of our own in the plot: its look, its line, its name and its sweep come by themselves."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fakes import FakeEngine
from serving import built

from diffdemo.engine import CodecInfo, CurvePoint
from diffdemo.engine.classical.formats import FORMATS
from diffdemo.images import Pixels, to_png
from diffdemo.ui.memory.session import Session
from diffdemo.ui.memory.tried import Earlier
from diffdemo.ui.plot.baselines import Baselines
from diffdemo.ui.plot.figure import LOOKS, Curve, look_of
from diffdemo.ui.plot.lines import curve_label, kinds, lines_of
from diffdemo.ui.studio.choices import Settings
from diffdemo.ui.studio.compress import Handlers
from diffdemo.ui.studio.plotting import Plotting
from diffdemo.ui.studio.screen import Painter
from diffdemo.ui.turns import Turns


class Engine(FakeEngine):
    """With one codec more, whose files are those of the fake CDC."""

    def __init__(self) -> None:
        super().__init__()
        self._models["fake-third"] = replace(self._models["fake-cdc"], name="fake-third", codec="third")

    def codecs(self) -> list[CodecInfo]:
        embedded, whole = super().codecs()
        return [embedded, whole, replace(whole, name="third", label="Third", default_model="fake-third")]


@pytest.fixture
def engine() -> Engine:
    return Engine()


def test_it_has_a_look_and_a_line_of_its_own(engine: Engine) -> None:
    codecs, point = engine.codecs(), CurvePoint(1000, 0.5, {"psnr_db": 25.0})
    looks = [look_of(codec.name, codecs) for codec in codecs]
    assert len({look.colour for look in looks} | {codec.colour for codec in FORMATS.values() if codec.is_drawn}) == 6
    (line,) = lines_of(codecs, [Curve("third", (point,))])
    assert (line.kind, line.label, line.colour, line.width) == ("third", "Third, one step", LOOKS[2].colour, 3)
    assert line.is_followed
    assert kinds(codecs)["third"] == "Third"
    assert [curve_label(codec) for codec in codecs] == ["DiffC, average", "CDC, one step", "Third, one step"]


def test_its_sweep_is_drawn_when_it_is_asked_for(engine: Engine, large_picture: Pixels) -> None:
    painter, turns = Painter(engine, Baselines(engine)), Turns(patience=0)
    handlers, plotting = Handlers(engine, painter, turns), Plotting(engine, painter, turns)
    session = Session(source=to_png(large_picture))
    *_, last = handlers.encode(session, Settings(bpp=3.0, codec="diffc"))
    *_, plot = plotting.complete(last.session, "psnr_db bpp linear sweep")
    colours = {trace.name: trace.line.color for trace in plot.data}
    assert colours["Third, one step"] == LOOKS[2].colour
    assert colours["CDC, one step"] == LOOKS[1].colour
    *_, last = handlers.encode(last.session, Settings(codec="cdc"))
    *_, hidden = plotting.complete(last.session, "psnr_db bpp linear sweep -third")
    assert {"DiffC, average", "CDC, one step"} <= {trace.name for trace in hidden.data}
    assert "Third, one step" not in {trace.name for trace in hidden.data}


def test_models_that_are_not_here_are_not_swept(engine: Engine, large_picture: Pixels) -> None:
    engine._models["fake-third"] = replace(engine._models["fake-third"], is_here=False)
    painter, session = Painter(engine, Baselines(engine)), Session(original=to_png(large_picture))
    assert len(list(painter.sweeps.wanted(session, large_picture, of_all=True))) == 1


def test_the_curve_of_an_earlier_file_keeps_its_codec(engine: Engine) -> None:
    """Two embedded codecs: after a file of CDC, the curve that stays is that of the one that was used before."""
    codecs = engine.codecs()
    engine.codecs = lambda: [*codecs[:2], replace(codecs[0], name="third", label="Third")]
    points = (CurvePoint(1000, 0.5, {"psnr_db": 25.0}),)
    before = (
        Earlier("diffc", "DiffC", ("fake",), points),
        Earlier("third", "Third", ("fake-third",), points),
        Earlier("cdc", "CDC", ("x",)),
    )
    painter = Painter(engine, Baselines(engine))
    own = {
        painter.lines(Session(own=points, codec=codec, earlier=earlier))[0].label
        for codec, earlier in (("cdc", before), ("third", ()), ("third", before))
    }
    assert own == {"Third, average"}
    assert painter.lines(Session(own=points, codec="cdc"))[0].label == "DiffC, average"


def test_a_codec_whose_first_model_comes_later_is_painted_too(engine: Engine, large_picture: Pixels) -> None:
    """On a server with models of its own, they are adopted while the page is there already."""
    later = engine.codecs()
    engine.codecs = lambda: later[:1]
    painter = Painter(engine, Baselines(engine))
    handlers = Handlers(engine, painter, Turns(patience=0))
    engine.codecs = lambda: later
    *_, last = handlers.encode(Session(source=to_png(large_picture)), Settings(codec="cdc"))
    assert painter.label(last.session) == "CDC"


def test_the_page_names_it(engine: Engine) -> None:
    blocks = built(engine).blocks.values()
    assert next(block.label for block in blocks if block.elem_id == "plot-sweeps") == "CDC and Third beside DiffC"
    lines = next(block for block in blocks if block.elem_id == "plot-lines")
    assert ("Third", "third") in lines.choices
