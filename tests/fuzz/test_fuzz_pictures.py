"""Picture files that no program wrote: read, or refused in words, soon.

python -m pytest tests/fuzz/test_fuzz_pictures.py -m slow -s      42,000 of them, with figures
"""

from __future__ import annotations

import resource
from functools import partial

import numpy as np
import pytest

from diffdemo.errors import ImageError
from diffdemo.pictures import Picture, load_picture
from tests.fuzz.attempts import Tally
from tests.fuzz.noise import mutated, random_for
from tests.fuzz.picture_seeds import picture_seeds, resealed

KIND = 5
FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "TIFF", "BMP", "GIF")
MAX_SECONDS = 20.0
MAX_FILE_PIXELS = 20_000_000
"""Many a changed file claims as many pixels as it may, and has to be unpacked before it turns out to be short."""
MAX_GROWTH = 700 << 10
"""Of this process's memory, in KiB: a picture of so many pixels, unpacked whole and made smaller."""


def attempt_of(number: int, kind: str) -> bytes:
    random = random_for(KIND, number)
    seeds = picture_seeds()
    files = seeds[kind]
    others = (*files, *(file for other in FORMATS for file in seeds[other][:1]))
    data = mutated(files[int(random.integers(len(files)))], random, others=others)
    return resealed(data) if kind == "PNG" and random.random() < 0.7 else data


def read(data: bytes, number: int) -> Picture:
    """As the page reads it, or as a program does."""
    picture = load_picture(data, most_pixels=(None, 1 << 22, 100)[number % 3])
    assert isinstance(picture, Picture)
    assert picture.pixels.dtype == np.uint8
    assert picture.pixels.ndim == 3
    assert picture.pixels.shape[2] == 3
    assert picture.pixels.size > 0
    assert all(isinstance(note, str) and note for note in picture.notes)
    return picture


@pytest.mark.parametrize("kind", FORMATS)
def test_the_files_that_are_changed_are_readable(kind: str) -> None:
    for data in picture_seeds()[kind]:
        assert read(data, 0).pixels.shape == (23, 29, 3) or kind in ("PNG", "JPEG", "WEBP", "AVIF")


@pytest.mark.parametrize("count", [1400, pytest.param(42_000, marks=pytest.mark.slow)])
def test_changed_pictures_are_read_or_refused(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIFFDEMO_MAX_FILE_PIXELS", str(MAX_FILE_PIXELS))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tallies = {kind: Tally() for kind in FORMATS}
    for number in range(count):
        kind = FORMATS[number % len(FORMATS)]
        call = partial(read, attempt_of(number, kind), number)
        tallies[kind].attempt(call, ImageError, f"{kind} file {number}", MAX_SECONDS)
    growth = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(f"\n{count:,} changed pictures, {growth >> 10} MiB more memory:", *tallies.items(), sep="\n  ")
    assert growth < MAX_GROWTH
    for kind, tally in tallies.items():
        assert tally.accepted and tally.refused, kind


@pytest.mark.parametrize("kind", FORMATS)
def test_every_prefix_of_a_picture_is_read_or_refused(kind: str) -> None:
    data = min(picture_seeds()[kind], key=len)
    tally = Tally()
    for length in range(len(data)):
        tally.attempt(partial(read, data[:length], 0), ImageError, f"prefix {length} of a {kind}", MAX_SECONDS)
    assert tally.refused > len(data) // 4
