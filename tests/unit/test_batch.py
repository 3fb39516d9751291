"""Many pictures: what each becomes, what may go wrong with one, and what is left in the zip and the table."""

from __future__ import annotations

import csv
import io
import math
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from fakes import FakeEngine
from PIL import Image

from diffdemo.engine import Engine
from diffdemo.engine.batch.archive import Archive, archived, columns, free_stem, table
from diffdemo.engine.batch.compress import MAX_PICTURES, UNEXPECTED, Order, Outcome, Product, Progress, compress_all
from diffdemo.engine.batch.means import means
from diffdemo.engine.records import Encoding
from diffdemo.errors import ImageError, RateError
from diffdemo.images import Pixels
from diffdemo.metrics.distortion import bits_per_pixel, psnr_db
from diffdemo.metrics.points import CurvePoint
from diffdemo.pictures import load_picture


@pytest.fixture(scope="module")
def fake() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def order(fake: FakeEngine) -> Order:
    return Order(model=fake.default_model, bpp=3.0)


@pytest.fixture
def pictures(tmp_path: Path, large_picture: Pixels, texture: Pixels) -> list[Path]:
    """Two pictures, and between them a file that is none."""
    paths = [tmp_path / "first.png", tmp_path / "words.png", tmp_path / "last.png"]
    Image.fromarray(large_picture).save(paths[0])
    paths[1].write_text("not a picture")
    Image.fromarray(texture).save(paths[2])
    return paths


def outcome(
    name: str = "a.png", psnr_db: float | None = 30.0, ms_ssim: float | None = None, **facts: object
) -> Outcome:
    values = {"psnr_db": psnr_db, "ms_ssim": ms_ssim}
    usual = {"width": 10, "height": 20, "num_bytes": 25, "bpp": 1.0, "values": values, "seconds": 2.0}
    return Outcome(name, **(usual | facts))


def test_every_picture_has_its_outcome(fake: FakeEngine, order: Order, pictures: list[Path]) -> None:
    *_, last = compress_all(fake, pictures, order)
    assert [each.name for each in last.outcomes] == ["first.png", "words.png", "last.png"]
    assert (last.share, last.name, last.count, last.seconds_left) == (1.0, "", 3, 0.0)
    first, words, _ = last.outcomes
    assert (first.width, first.height, first.error) == (200, 192, "")
    assert first.bpp == bits_per_pixel(first.num_bytes, 200, 192) <= 3.0
    assert "not a picture" in words.error
    assert (words.num_bytes, words.psnr_db, words.jpeg) == (0, None, None)


def test_a_product_comes_once_and_is_what_was_measured(fake: FakeEngine, order: Order, pictures: list[Path]) -> None:
    products = [(m.outcomes[-1], m.product) for m in compress_all(fake, pictures, order) if m.product]
    assert [found.name for found, _ in products] == ["first.png", "last.png"]
    for found, product in products:
        assert len(product.data) == found.num_bytes
        original = load_picture(next(path for path in pictures if path.name == found.name)).pixels
        assert psnr_db(original, product.pixels) == found.psnr_db
        assert found.jpeg is None or found.jpeg.num_bytes <= found.num_bytes


def test_progress_never_goes_back(fake: FakeEngine, order: Order, pictures: list[Path]) -> None:
    moments = list(compress_all(fake, pictures, order))
    shares = [moment.share for moment in moments]
    assert shares == sorted(shares)
    assert len(set(shares)) > 6
    assert (moments[0].share, moments[0].name, moments[0].seconds_left) == (0.0, "first.png", None)
    assert all(moment.seconds_left is not None and moment.seconds_left >= 0 for moment in moments[1:])


def test_whatever_a_picture_raises_stays_with_it(
    order: Order, pictures: list[Path], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fake = FakeEngine()
    encode = fake.encode

    def fragile(pixels: Pixels, **options: object) -> Iterator[Encoding]:
        if pixels.shape[0] == 192:
            raise ZeroDivisionError
        return encode(pixels, **options)

    monkeypatch.setattr(fake, "encode", fragile)
    *_, last = compress_all(fake, pictures, order)
    assert [bool(each.error) for each in last.outcomes] == [True, True, False]
    assert last.outcomes[0].error == UNEXPECTED
    assert "ZeroDivisionError" in caplog.text


def test_what_no_file_can_meet_is_an_error_of_the_picture(fake: FakeEngine, pictures: list[Path]) -> None:
    *_, last = compress_all(fake, pictures[:1], Order(model=fake.default_model, num_bytes=5))
    assert "cannot hold the header" in last.outcomes[0].error


def test_large_pictures_are_made_smaller_and_say_so(fake: FakeEngine, pictures: list[Path]) -> None:
    *_, last = compress_all(fake, pictures[:1], Order(model=fake.default_model, bpp=3.0, most_pixels=9600))
    assert (last.outcomes[0].width, last.outcomes[0].height) == (100, 96)
    assert last.outcomes[0].note == "Made smaller, from 200 x 192 pixels."


@pytest.mark.parametrize("count", [0, MAX_PICTURES + 1])
def test_too_few_or_too_many(fake: FakeEngine, order: Order, count: int) -> None:
    with pytest.raises(RateError, match=f"{count} pictures were given; 1 to 100"):
        next(compress_all(fake, [Path("a.png")] * count, order))


@pytest.mark.parametrize("rate", [{}, {"bpp": 0.0}, {"bpp": math.nan}, {"num_bytes": -1}])
def test_a_rate_is_needed(fake: FakeEngine, rate: dict) -> None:
    with pytest.raises(RateError, match="positive number"):
        next(compress_all(fake, [Path("a.png")], Order(model=fake.default_model, **rate)))


@pytest.mark.parametrize("codec", ["diffc", "cdc"])
def test_the_real_engine(engine: Engine, tmp_path: Path, gradient: Pixels, codec: str) -> None:
    path = tmp_path / "gradient.png"
    Image.fromarray(gradient).save(path)
    model = next(info.name for info in engine.models() if info.codec == codec and info.is_default)
    *_, last = compress_all(engine, [path], Order(model=model, num_bytes=900, preset="fast"))
    assert last.product is not None
    assert len(last.product.data) == last.outcomes[0].num_bytes <= 900
    *_, frame = engine.decode(last.product.data, steps=1)
    assert np.array_equal(frame.pixels, last.product.pixels)


def test_a_closed_batch_leaves_a_zip_of_what_was_done(
    fake: FakeEngine, order: Order, pictures: list[Path], tmp_path: Path
) -> None:
    path = tmp_path / "batch.zip"
    with closing(archived(compress_all(fake, pictures, order), path, with_pictures=True)) as moments:
        next(moment for moment in moments if len(moment.outcomes) == 2)
    with zipfile.ZipFile(path) as opened:
        assert opened.testzip() is None
        assert opened.namelist() == ["first.difd", "first.png", "table.csv"]
        *_, frame = fake.decode(opened.read("first.difd"))
        assert np.array_equal(load_picture(opened.read("first.png")).pixels, frame.pixels)
        assert opened.read("table.csv").decode().count("\n") == 3


def test_files_with_the_same_name_are_all_there(tmp_path: Path, gradient: Pixels) -> None:
    path = tmp_path / "batch.zip"
    with zipfile.ZipFile(path, "w") as opened:
        archive = Archive(opened, with_pictures=False)
        for number, name in enumerate(["a.png", "A.JPG", "b/a.webp", "a-2.png"]):
            archive.add(name, Product(bytes([number]), gradient))
    with zipfile.ZipFile(path) as opened:
        names = opened.namelist()
        assert names == ["a.difd", "A-2.difd", "a-3.difd", "a-2-2.difd"]
        assert [opened.read(name) for name in names] == [bytes([number]) for number in range(4)]


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("holiday 1.png", "holiday-1"),
        ("../../etc/passwd", "passwd"),
        (r"C:\pictures\cat.jpg", "cat"),
        ("..", "picture"),
        (".hidden", "hidden"),
        ("", "picture"),
        ("<script>.png", "script"),
        ("con.png", "_con"),
        ("NUL.tar.png", "_NUL.tar"),
        ("Übung.png", "Übung"),
        ("U\u0308bung.png", "Übung"),
        ("写真.png", "写真"),
        ("a" * 300 + ".png", "a" * 80),
        ("line\nbreak\x00.png", "line-break"),
    ],
)
def test_names_are_safe_everywhere(name: str, stem: str) -> None:
    assert free_stem(name, set()) == stem


def test_the_table_reads_back() -> None:
    jpeg = CurvePoint(24, 0.96, {"psnr_db": 28.5})
    rows = list(csv.DictReader(io.StringIO(table([outcome("a, b.png", jpeg=jpeg), Outcome("c.png", error="No.")]))))
    assert list(rows[0]) == columns()
    assert (rows[0]["picture"], rows[0]["bytes"], rows[0]["jpeg_psnr_db"], rows[0]["error"]) == (
        "a, b.png",
        "25",
        "28.5",
        "",
    )
    assert (rows[1]["picture"], rows[1]["bytes"], rows[1]["error"]) == ("c.png", "", "No.")


@pytest.mark.parametrize("name", ["=1+1.png", "+a.png", "-a.png", "@a.png"])
def test_a_table_computes_nothing(name: str) -> None:
    assert table([outcome(name)]).splitlines()[1].startswith(f"'{name},")


def test_means_are_of_what_there_is() -> None:
    jpeg = CurvePoint(24, 0.5, {"psnr_db": 28.0})
    average = means(
        [
            outcome(psnr_db=30.0, ms_ssim=0.9, jpeg=jpeg),
            outcome(psnr_db=math.inf, bpp=2.0),
            Outcome("c.png", error="No."),
        ]
    )
    assert (average.files, average.errors, average.num_bytes, average.rivals) == (2, 1, 50, 1)
    assert (average.bpp, average.psnr_db, average.values["ms_ssim"], average.jpeg_psnr_db) == (1.5, 30.0, 0.9, 28.0)


def test_differences_are_between_means_of_the_same_pictures() -> None:
    """JPEG is missing for the picture that is hardest, and our own file of another one is lossless."""
    average = means(
        [
            outcome(psnr_db=40.0, bpp=1.0, jpeg=CurvePoint(24, 0.9, {"psnr_db": 37.0})),
            outcome(psnr_db=36.0, bpp=0.8, jpeg=CurvePoint(24, 0.7, {"psnr_db": 34.6})),
            outcome(psnr_db=20.0, bpp=0.3, jpeg=None),
            outcome(psnr_db=math.inf, bpp=3.0, jpeg=CurvePoint(24, 2.0, {"psnr_db": 50.0})),
            outcome(psnr_db=50.0, bpp=3.0, jpeg=CurvePoint(24, 2.0, {"psnr_db": math.inf})),
            outcome(psnr_db=None, bpp=3.0, jpeg=CurvePoint(24, 2.0, {"psnr_db": 10.0})),
        ]
    )
    assert average.rivals == 2
    assert average.over_jpeg_db == pytest.approx(2.2)
    assert average.paired_psnr_db == pytest.approx(38.0)
    assert average.jpeg_psnr_db == pytest.approx(35.8)
    assert (average.paired_bpp, average.jpeg_bpp) == (pytest.approx(0.9), pytest.approx(0.8))
    assert average.psnr_db == pytest.approx(36.5), "of all pictures that have one"


def test_means_of_nothing() -> None:
    average = means([])
    assert (average.files, average.bpp, average.psnr_db, average.jpeg_bpp) == (0, None, None, None)
    assert (average.rivals, average.paired_psnr_db, average.over_jpeg_db) == (0, None, None)


def test_tables_hold_no_infinity() -> None:
    lossless = outcome(psnr_db=math.inf, ms_ssim=1.0, jpeg=CurvePoint(24, 0.9, {"psnr_db": math.inf}))
    (row,) = csv.DictReader(io.StringIO(table([lossless])))
    assert (row["psnr_db"], row["ms_ssim"], row["jpeg_bytes"], row["jpeg_psnr_db"]) == ("", "1.0", "24", "")


def test_a_picture_that_jpeg_cannot_hold_has_its_file_all_the_same(
    order: Order, pictures: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = FakeEngine()

    def refuse(pixels: Pixels, codec: str, *, num_bytes: int) -> None:
        raise ImageError("jpeg cannot hold a picture of 70000 x 1 pixels.")

    monkeypatch.setattr(fake, "classical", refuse)
    *_, last = compress_all(fake, pictures[:1], order)
    assert (last.outcomes[0].error, last.outcomes[0].jpeg) == ("", None)
    assert last.outcomes[0].num_bytes > 0


def test_progress_before_anything_was_done_has_no_product(fake: FakeEngine, order: Order, pictures: list[Path]) -> None:
    first = next(compress_all(fake, pictures, order))
    assert first == Progress((), None, "first.png", 3, 0.0, None)
