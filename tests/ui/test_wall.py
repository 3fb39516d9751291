"""The wall: every codec at equal bytes, cell by cell, and the files that keep it."""

from __future__ import annotations

import base64
import io
import json
import re
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
from fakes import FakeEngine
from PIL import Image

from diffdemo.engine.classical.formats import FORMATS, available
from diffdemo.images import to_png
from diffdemo.pictures import load_picture
from diffdemo.ui.closer import hanging, keeping
from diffdemo.ui.closer.acts import Looks
from diffdemo.ui.closer.wall import STOPPED, Wall
from diffdemo.ui.memory.session import Session
from diffdemo.ui.turns import Turns

OWN = [
    "DiffC, average",
    "DiffC, DiffC-F, realism 1",
    "DiffC, DiffC-A",
    "CDC, deterministic",
    "CDC, stochastic, gamma 0.8",
]


@pytest.fixture(scope="module")
def fake() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def looks(fake) -> Looks:
    return Looks(fake, Turns(patience=0))


@pytest.fixture(scope="module")
def session(fake) -> Session:
    pixels = fake.example_pixels("coffee")[:96, :128]
    *_, last = fake.encode(pixels, num_bytes=6000)
    png = to_png(pixels)
    return Session("coffee", source=png, original=png, data=last.data, codec="diffc").with_frame(last.frame)


def hung(looks: Looks, session: Session, used: int, wanted: list[str]) -> list[Wall]:
    return [wall for value, wall in looks.wall(session, used, wanted) if value["cells"]]


@pytest.fixture(scope="module")
def whole(fake, session) -> Wall:
    wanted = hanging.usual(fake)
    return hung(Looks(fake, Turns(patience=0)), session, 3000, wanted)[-1]


def test_what_usually_hangs_there_comes_from_the_registries(fake):
    labels = [FORMATS[name].label for name in available()]
    assert hanging.usual(fake) == ["original", *labels, *OWN]
    assert {"DiffC, DiffC-F, realism 0.5", "CDC, stochastic, gamma 1.2"} <= set(hanging.ways(fake))


def test_every_cell_has_its_lossless_picture_and_numbers_at_equal_bytes(session, whole):
    assert not whole.line
    original = load_picture(session.original).pixels
    for cell in whole.cells:
        pixels = load_picture(cell.path).pixels
        assert cell.path.endswith(".png")
        assert pixels.shape == original.shape
        num_bytes = int(cell.numbers.split()[0].replace(",", ""))
        assert cell.is_larger == (num_bytes > 3000 and cell.caption != "original")
        if cell.caption != "original":
            assert "dB" in cell.numbers
    assert np.array_equal(load_picture(whole.cells[0].path).pixels, original)
    ours = next(cell for cell in whole.cells if cell.caption == OWN[0])
    assert ours.numbers.startswith("3,000 bytes"), "the bytes that are spent, not those of whole steps"


def test_a_codec_that_cannot_reach_the_bytes_shows_its_smallest_file_and_says_so(looks, session):
    (*_, wall) = hung(looks, session, 600, ["JPEG", OWN[0]])
    jpeg, ours = wall.cells
    assert jpeg.is_larger
    assert jpeg.path
    times = int(jpeg.numbers.split()[0].replace(",", "")) / 600
    assert jpeg.note == f"Its smallest file is {times:.1f} times as large."
    assert not ours.is_larger
    assert not ours.note


def test_it_fills_cell_by_cell_and_tells_how_far_it_is(looks, session):
    walls = hung(looks, session, 3000, ["original", "JPEG", "CDC, deterministic"])
    done = [sum(cell.is_done for cell in wall.cells) for wall in walls]
    assert done == sorted(done)
    assert (done[0], done[-1]) == (1, 3)
    assert all(len(wall.cells) == 3 for wall in walls), "those that wait have their places"
    assert walls[0].line == "1 of 3: original"
    assert any(re.match(r"3 of 3: CDC, deterministic, step \d+ of 17, ", wall.line) for wall in walls)
    growing = [cell for wall in walls for cell in wall.cells if cell.is_preview]
    assert growing
    assert all(cell.path.endswith(".webp") for cell in growing)


def test_what_cannot_hang_there_says_why_and_the_others_do(fake, looks, session, monkeypatch):
    monkeypatch.setattr(fake, "fit", lambda pixels, model, **_: SimpleNamespace(pixels=pixels[:64, :64], note=""))
    (*_, wall) = hung(looks, session, 3000, ["JPEG", *OWN])
    noted = {cell.caption: cell.note for cell in wall.cells if not cell.path}
    assert set(noted) == set(OWN[3:])
    assert all("pictures of another size" in note for note in noted.values())


def test_without_an_original_only_the_files_own_decoders_hang_there(fake, looks, session):
    alone = Session("kept", data=session.data, codec="diffc")
    (*_, wall) = hung(looks, alone, 3000, hanging.usual(fake))
    assert [cell.caption for cell in wall.cells] == OWN[:3]
    assert all("dB" not in cell.numbers for cell in wall.cells)


def test_stop_keeps_what_is_done_and_nothing_comes_after(looks, session):
    visitor = SimpleNamespace(session_hash="someone")
    growing = looks.wall(session, 3000, ["original", "JPEG", *OWN], visitor)
    for _, wall in growing:
        if len(wall.ended().cells) == 2:
            break
    value, halted = looks.halt(wall, visitor)
    assert [cell["caption"] for cell in value["cells"]] == ["original", "JPEG"]
    assert value["line"] == halted.line == STOPPED
    assert all(each == (gr.skip(), gr.skip()) for each in growing)


def test_another_file_ends_it(looks, session):
    visitor = SimpleNamespace(session_hash="someone")
    growing = looks.wall(session, 3000, ["original", "JPEG"], visitor)
    next(growing)
    looks.forget(visitor)
    assert list(growing) == [(gr.skip(), gr.skip())]


def test_nothing_to_hang_is_told(looks, session):
    with pytest.raises(gr.Error, match="no file yet"):
        list(looks.wall(Session(), 0, ["original"]))
    with pytest.raises(gr.Error, match="choose what"):
        list(looks.wall(session, 0, []))


def event(**data: object) -> SimpleNamespace:
    return SimpleNamespace(_data=data)


def test_the_page_that_is_kept_needs_nothing_else_and_loses_nothing(looks, whole):
    with open(looks.save(whole, event(kind="html")), encoding="utf-8") as file:
        page = file.read()
    assert not re.findall(r'(?:src|href)="(?!data:)', page), "it fetches something"
    value = json.loads(re.search(r'<script type="application/json" id="value">(.*?)</script>', page, re.DOTALL)[1])
    assert [cell["caption"] for cell in value["cells"]] == [cell.caption for cell in whole.cells]
    for kept, cell in zip(value["cells"], whole.cells, strict=True):
        with Image.open(io.BytesIO(base64.b64decode(kept["picture"]["url"].partition(",")[2]))) as opened:
            assert np.array_equal(np.asarray(opened), load_picture(cell.path).pixels)


def test_words_of_a_name_stay_words(looks, whole):
    odd = Wall("</script><b>", whole.width, whole.height, 1, whole.cells[:1])
    page = keeping.as_html(odd).decode()
    assert "</script><b>" not in page


def test_the_picture_that_is_kept_shows_what_is_seen(looks, whole):
    def kept(part: list[float]) -> np.ndarray:
        return load_picture(looks.save(whole, event(kind="png", part=part))).pixels

    original = load_picture(whole.cells[0].path).pixels
    corner = keeping.cut(original, (0, 0, 0.25, 0.25))
    assert corner.shape == (24, 32, 3)
    enlarged = np.repeat(np.repeat(corner, 11, 0), 11, 1)
    assert _is_on(kept([0, 0, 0.25, 0.25]), enlarged)
    assert not _is_on(kept([0, 0, 1, 1]), enlarged)
    assert keeping.cut(original, (1, 1, 1, 1)).shape == (1, 1, 3)


@pytest.mark.parametrize("data", [{}, {"kind": "exe"}, {"kind": "png"}, {"kind": "png", "part": [0, 0, "x", 1]}])
def test_odd_wishes_are_refused_in_words(looks, whole, data):
    with pytest.raises(gr.Error, match="A wall is kept as"):
        looks.save(whole, event(**data))


def _is_on(sheet: np.ndarray, picture: np.ndarray) -> bool:
    height, width = picture.shape[:2]
    return any(
        np.array_equal(sheet[y : y + height, 24 : 24 + width], picture) for y in range(sheet.shape[0] - height + 1)
    )
