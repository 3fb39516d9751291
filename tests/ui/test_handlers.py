from __future__ import annotations

import io
from dataclasses import replace

import gradio as gr
import numpy as np
import pytest
from fakes import FakeEngine
from PIL import Image
from stage import chosen, shown, visible_knobs

from diffdemo.engine import DECODERS, KNOBS, Decoder
from diffdemo.errors import ImageError
from diffdemo.pictures import load_picture
from diffdemo.ui.errors import UNEXPECTED, friendly
from diffdemo.ui.inspect import REPORT, Inspection
from diffdemo.ui.links.shelf import Shelf
from diffdemo.ui.memory.session import Session
from diffdemo.ui.plot.baselines import Baselines
from diffdemo.ui.studio.choices import Halves, Settings
from diffdemo.ui.studio.compress import Handlers, to_side
from diffdemo.ui.studio.decode import Viewing
from diffdemo.ui.studio.opening import Opening
from diffdemo.ui.studio.pictures import Pictures
from diffdemo.ui.studio.screen import UNCHANGED, Painter, Screen
from diffdemo.ui.turns import Turns


@pytest.fixture
def fake() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def painter(fake) -> Painter:
    return Painter(fake, Baselines(fake))


@pytest.fixture
def turns() -> Turns:
    return Turns(patience=0)


@pytest.fixture
def handlers(fake, painter, turns) -> Handlers:
    return Handlers(fake, painter, turns)


@pytest.fixture
def pictures(fake, painter, turns) -> Pictures:
    return Pictures(fake, painter, turns, Shelf())


@pytest.fixture
def opening(fake, painter, turns) -> Opening:
    return Opening(fake, painter, turns)


@pytest.fixture
def viewing(fake, painter, turns) -> Viewing:
    return Viewing(fake, painter, turns)


@pytest.fixture
def upload(tmp_path, large_picture):
    """Makes what Gradio hands over for an upload."""

    def make(pixels=large_picture, name="picture.png", **options) -> dict:
        path = tmp_path / name
        Image.fromarray(pixels).save(path, **options)
        return {"path": str(path)}

    return make


@pytest.fixture
def compressed(pictures, handlers, upload) -> Session:
    session = pictures.upload(upload()).session
    *_, last = handlers.encode(session, Settings(0, 3.0, None, "balanced", 0), "psnr_db")
    return last.session


def _right(screen) -> np.ndarray:
    return shown(screen, "right")


def test_greeting_shows_a_picture_at_once(pictures, fake):
    screen = pictures.greet()
    assert np.array_equal(_right(screen), fake.example_pixels("astronaut"))
    assert screen.session.data == b""


def test_the_shipped_file_of_an_example_is_decoded(pictures, handlers, fake):
    *_, last = handlers.open_example(pictures.greet().session, "psnr_db")
    assert last.session.data == fake.example_file("astronaut")
    assert last.used["maximum"] == len(last.session.data)
    assert last.download["interactive"]


def test_an_example_without_a_file_is_compressed_once_for_everybody(pictures, handlers, fake):
    fake.ships_files = False
    *_, first = handlers.open_example(pictures.greet().session, "psnr_db")
    fake.encode = None
    *_, second = handlers.open_example(pictures.greet().session, "psnr_db")
    assert first.session.data == second.session.data != b""


def test_the_rate_of_a_tiny_picture_is_raised_to_what_a_file_takes(pictures, handlers, upload, fake):
    asked = {}

    def encode(pixels, **options):
        asked.update(options)
        return FakeEngine().encode(pixels, num_bytes=4000)

    fake.encode = encode
    tiny = np.random.default_rng(0).integers(0, 255, (4, 8, 3), np.uint8)
    session = pictures.upload(upload(tiny)).session
    *_, last = handlers.encode(session, Settings(0, 1.0, None, "fast", 0), "psnr_db")
    assert (asked["num_bytes"], "bpp" in asked) == (64, False)
    assert "64 bytes" in last.notes
    *_, last = handlers.encode(session, Settings(0, 1.0, 30, "fast", 0), "psnr_db")
    assert asked["num_bytes"] == 30
    assert "64 bytes" not in last.notes


def test_upload_keeps_every_pixel(pictures, upload, large_picture):
    screen = pictures.upload(upload())
    assert np.array_equal(load_picture(screen.session.source).pixels, large_picture)
    assert screen.notes == "200 x 192 pixels."
    assert screen.side["visible"] is False


@pytest.mark.parametrize(("suffix", "is_shown"), [("png", True), ("tif", False)])
def test_what_a_browser_cannot_show_is_shown_as_it_was_read(pictures, tmp_path, large_picture, suffix, is_shown):
    path = tmp_path / f"picture.{suffix}"
    Image.fromarray(large_picture).save(path)
    screen = pictures.upload({"path": str(path)})
    if is_shown:
        assert screen.source == gr.skip()
    else:
        assert np.array_equal(load_picture(screen.source).pixels, large_picture)


def test_a_new_upload_forgets_the_file_before(pictures, upload, compressed):
    assert compressed.data
    screen = pictures.upload(upload())
    assert screen.session.data == b""
    assert screen.download["interactive"] is False


def test_large_uploads_are_offered_smaller_on_a_cpu_only(pictures, upload, fake):
    large = np.zeros((800, 1000, 3), np.uint8)
    screen = pictures.upload(upload(large))
    assert [side for _, side in screen.side["choices"]] == [512, 768, 0]
    assert screen.side["value"] == 512
    fake.device_label = "NVIDIA A10G"
    assert pictures.upload(upload(large)).side["visible"] is False


def test_files_that_are_no_pictures_are_refused_in_words(pictures, tmp_path):
    path = tmp_path / "notes.png"
    path.write_text("this is no picture")
    with pytest.raises(gr.Error, match="is not a picture that can be read here") as caught:
        pictures.upload({"path": str(path)})
    assert caught.value.print_exception is False


def test_every_moment_of_an_encode_is_a_file(pictures, handlers, upload, fake):
    session = pictures.upload(upload()).session
    screens = list(handlers.encode(session, Settings(0, 3.0, None, "balanced", 7), "psnr_db"))
    sizes = [len(screen.session.data) for screen in screens]
    assert len(sizes) > 3
    assert sizes == sorted(sizes)
    assert all(fake.describe(screen.session.data).facts["seed"] == 7 for screen in screens)
    assert screens[0].stop["interactive"] is True
    assert screens[-1].stop["interactive"] is False


def test_exact_bytes_override_the_rate(pictures, handlers, upload):
    session = pictures.upload(upload()).session
    *_, last = handlers.encode(session, Settings(0, 3.0, 4000, "balanced", 0), "psnr_db")
    assert 0 < len(last.session.data) <= 4000


def test_encode_works_at_the_chosen_size(pictures, handlers, upload, fake):
    session = pictures.upload(upload()).session
    *_, last = handlers.encode(session, Settings(100, 3.0, None, "fast", 0), "psnr_db")
    assert (fake.describe(last.session.data).width, fake.describe(last.session.data).height) == (100, 96)


def test_encode_without_a_size_takes_the_picture_as_it_is(pictures, handlers, upload, fake):
    session = pictures.upload(upload()).session
    *_, last = handlers.encode(session, Settings.read((None, 3.0, None, "fast", None, None, None, None)), "psnr_db")
    assert fake.describe(last.session.data).width == 200


def test_encode_without_a_picture_says_so(handlers):
    with pytest.raises(gr.Error, match="no picture yet"):
        list(handlers.encode(Session(), Settings(0, 1.0, None, "fast", 0), "psnr_db"))


def test_an_impossible_target_is_told_and_the_file_before_stays(handlers, compressed):
    stream = handlers.encode(compressed, Settings(0, 1.0, 5, "fast", 0), "psnr_db")
    settled = next(stream)
    assert settled.session.data == compressed.data
    assert settled.stop["interactive"] is False
    with pytest.raises(gr.Error, match="cannot hold the header"):
        next(stream)


def test_stopping_keeps_the_bytes_and_frees_the_engine(pictures, handlers, viewing, upload, fake):
    session = pictures.upload(upload()).session
    stream = handlers.encode(session, Settings(0, 3.0, None, "balanced", 0), "psnr_db")
    session = next(stream).session
    stream.close()
    assert not fake.lock.locked()
    screen = handlers.stop(session, "psnr_db")
    assert screen.session.data == session.data
    assert screen.used["value"] == len(session.data)
    *_, last = viewing.refine(screen.session, chosen(len(session.data), "mean"), Halves())
    assert np.array_equal(_right(last), load_picture(session.shown.png).pixels)


@pytest.mark.parametrize("interrupt", ["upload", "stop"])
def test_what_was_cancelled_stays_silent(pictures, handlers, upload, interrupt):
    session = pictures.upload(upload()).session
    stream = handlers.encode(session, Settings(0, 3.0, None, "balanced", 0), "psnr_db")
    session = next(stream).session
    if interrupt == "upload":
        pictures.upload(upload())
    else:
        handlers.stop(session, "psnr_db")
    assert list(stream) == [Screen()]


def test_an_upload_is_not_replaced_by_the_example_that_was_about_to_open(pictures, handlers, upload):
    greeted = pictures.greet().session
    pictures.upload(upload())
    assert list(handlers.open_example(greeted, "psnr_db")) == [Screen()]


def test_an_upload_is_not_replaced_by_a_greeting_that_comes_late(pictures, upload, fake):
    example_pixels = fake.example_pixels

    def slow(name):
        assert pictures.upload(upload()).session.source
        return example_pixels(name)

    fake.example_pixels = slow
    assert pictures.greet() == Screen()


def test_the_decoder_is_not_applied_to_a_file_that_was_left(pictures, viewing, upload, compressed):
    arguments = (compressed, chosen(len(compressed.data), "flow"), Halves())
    *_, last = viewing.finish(*arguments)
    assert last.session.shown.decoder == "flow"
    pictures.upload(upload())
    assert list(viewing.finish(*arguments)) == [Screen()]


def test_stopping_before_the_first_byte_is_no_failure(handlers):
    assert "No file" in handlers.stop(Session(), "psnr_db").status


@pytest.mark.parametrize("decoder", ["flow", "ancestral"])
def test_decoders_differ_on_the_same_bytes(viewing, compressed, decoder):
    used = len(compressed.data) - 1
    pictures = []
    for each in ("mean", decoder):
        *_, last = viewing.refine(compressed, chosen(used, each, seed=3), Halves())
        assert last.session.shown.num_bytes == used
        pictures.append(_right(last))
    assert not np.array_equal(*pictures)
    assert DECODERS[Decoder(decoder)].short in {trace.name for trace in last.plot.data}


def test_refine_without_a_file_changes_nothing(viewing):
    assert list(viewing.refine(Session(), chosen(1, "mean"), Halves())) == [Screen()]


def test_opening_a_file_shows_it_without_claiming_a_quality(opening, compressed, tmp_path):
    path = tmp_path / "kept.difd"
    path.write_bytes(compressed.data[: len(compressed.data) // 2])
    *_, last = opening.open_file(str(path), "psnr_db")
    assert "dB" not in last.argument
    assert "cut" in last.status
    assert [value for _, value in last.compare["choices"]] == ["mean", "ours"]
    assert last.session.own == ()


def test_opening_a_file_clears_the_field_for_pictures_once(opening, compressed, tmp_path):
    """A picture that the visitor puts there meanwhile stays."""
    path = tmp_path / "kept.difd"
    path.write_bytes(compressed.data)
    first, *others = opening.open_file(str(path), "psnr_db")
    assert (first.source, len(others) > 1) == (None, True)
    assert {repr(each.source) for each in others} == {repr(UNCHANGED)}


@pytest.mark.parametrize(
    ("content", "words"), [(b"\x89PNG and more", "Not a diffdemo file"), (b"FAKE\x10", "ends inside its header")]
)
def test_files_that_cannot_be_opened_are_explained(opening, tmp_path, content, words):
    path = tmp_path / "odd.difd"
    path.write_bytes(content)
    with pytest.raises(gr.Error, match=words):
        list(opening.open_file(str(path), "psnr_db"))


def test_knobs_belong_to_their_decoder(viewing):
    visible = {name: visible_knobs(viewing, name) for name in ("mean", "flow", "ancestral")}
    none = dict.fromkeys(KNOBS, False)
    assert visible == {"mean": none, "flow": none | {"realism": True}, "ancestral": none | {"seed": True}}


def test_inspect_describes_the_part_that_is_used(fake, compressed):
    inspection = Inspection(fake)
    whole = inspection.of_session(compressed, len(compressed.data))
    half = inspection.of_session(compressed, len(compressed.data) // 2)
    assert half.count(">missing<") > whole.count(">missing<")
    assert "No file yet" in inspection.of_session(Session(), 1)


def test_unexpected_failures_say_nothing_about_the_inside(caplog):
    @friendly
    def broken() -> None:
        raise RuntimeError("secret path of somebody")

    with pytest.raises(gr.Error) as caught:
        broken()
    assert caught.value.message == UNEXPECTED
    assert "secret path" in caplog.text


def test_our_own_messages_reach_the_visitor_as_they_are():
    @friendly
    def streaming():
        yield 1
        raise ImageError("Too dark.")

    stream = streaming()
    assert next(stream) == 1
    with pytest.raises(gr.Error, match=r"Too dark\."):
        next(stream)


def test_to_side_keeps_the_shape_and_never_enlarges():
    pixels = np.zeros((300, 600, 3), np.uint8)
    assert to_side(pixels, 200).shape[:2] == (100, 200)
    assert to_side(pixels, 0) is pixels
    assert to_side(pixels, 900) is pixels


def test_a_session_holds_bytes_and_numbers_only(compressed):
    def leaves(value):
        if hasattr(value, "__dataclass_fields__"):
            for name in value.__dataclass_fields__:
                yield from leaves(getattr(value, name))
        elif isinstance(value, dict):
            yield from leaves((*value, *value.values()))
        elif isinstance(value, tuple):
            for each in value:
                yield from leaves(each)
        else:
            yield value

    assert {type(leaf) for leaf in leaves(compressed)} <= {bytes, str, int, float, bool, type(None)}
    with pytest.raises(AttributeError):
        compressed.data = b""
    assert replace(compressed, data=b"").data == b""


def test_sixteen_bits_and_grey_reach_the_codec_as_eight_bit_colour(pictures, tmp_path):
    values = np.linspace(0, 65535, 170 * 180).reshape(170, 180).astype(np.uint16)
    out = io.BytesIO()
    Image.fromarray(values).save(out, "PNG")
    path = tmp_path / "deep.png"
    path.write_bytes(out.getvalue())
    screen = pictures.upload({"path": str(path)})
    assert "Reduced from 16 to 8 bits" in screen.notes
    assert load_picture(screen.session.source).pixels.max() == 255


def test_a_report_that_would_fill_the_memory_is_not_shown(fake, tmp_path):
    path = tmp_path / "report.html"
    path.write_bytes(REPORT + 11_000_000 * b'"')
    with pytest.raises(gr.Error, match="open the file in your browser"):
        Inspection(fake).of_file(str(path), Session(), 1)
    path.write_bytes(REPORT + b'</iframe><script>"&amp;"</script>')
    shown = Inspection(fake).of_file(str(path), Session(), 1)
    assert shown.count("<") == 2
    assert "&lt;/iframe&gt;&lt;script&gt;&quot;&amp;amp;&quot;" in shown


def test_what_is_no_file_is_told_once(fake, tmp_path):
    path = tmp_path / "junk.difd"
    path.write_bytes(b"junk")
    with pytest.raises(gr.Error, match="Not a diffdemo file"):
        Inspection(fake).of_file(str(path), Session(), 1)
    (hidden,) = Inspection(fake).of_damaged(str(path), None)
    assert not hidden.visible
