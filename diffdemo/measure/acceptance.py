"""Whether models give the numbers here that were published about them.

    python -m diffdemo evaluate DIR --accept CODEC [--models NAME ...]

What was published, and how far from it is near enough, stands with the models (`models/registry.py`). Every picture is
cut to the square that was coded there, compressed and decompressed once, as it comes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from diffdemo.codecs.base import Codec
from diffdemo.codecs.records import Target
from diffdemo.codecs.rendering import DEFAULT_RENDERING
from diffdemo.errors import DiffDemoError, ImageError
from diffdemo.images import Pixels
from diffdemo.measure.results.troubles import say
from diffdemo.measure.tables import counted
from diffdemo.measure.whole import decoded
from diffdemo.metrics.registry import METRICS, Values, measure
from diffdemo.models.spec import Acceptance, Expected, ModelSpec
from diffdemo.pictures import load_picture
from diffdemo.pictures.folder import picture_paths, require_picture_file
from diffdemo.plain_text import aligned

HEAD = ("model", "metric", "found", "expected", "within", "verdict")


@dataclass(frozen=True, slots=True)
class Verdict:
    """One number beside the one that was published.

    Attributes:
        found: mean over the pictures; None if it could not be measured here.
    """

    model: str
    metric: str
    found: float | None
    expected: Expected

    @property
    def is_met(self) -> bool | None:
        """Whether it is near enough; None if nobody knows."""
        return None if self.found is None else abs(self.found - self.expected.mean) <= self.expected.tolerance

    @property
    def cells(self) -> tuple[str, ...]:
        """A row of the table."""
        metric = METRICS[self.metric]
        found = "-" if self.found is None else f"{self.found:{metric.digits}}"
        expected = f"{self.expected.mean:{metric.digits}}", f"{self.expected.tolerance:g}"
        words = {True: "as published", False: "differs", None: "not measured here"}
        return (self.model, metric.heading, found, *expected, words[self.is_met])


def accept(folder: Path, models: Sequence[ModelSpec], load: Callable[[str], Codec], pause: Callable[[], None]) -> int:
    """Measure models, and print what was found beside what was published.

    Args:
        models: those of which anything was published are measured.
        pause: called between two pictures, where the work can be ended.

    Returns:
        The exit status: 0 if every number that can be measured here is near enough, and there is one; 1 if not.

    Raises:
        DiffDemoError: there is nothing to compare, or a model cannot be loaded.
    """
    held = [(spec, spec.acceptance) for spec in models if spec.acceptance is not None]
    if not held:
        raise DiffDemoError("Nothing was published about these models that they could be held to.")
    verdicts: list[Verdict] = []
    for spec, acceptance in held:
        pictures = _squares(folder, acceptance.side)
        found = list(_values(load(spec.name), spec.name, pictures, acceptance, pause))
        if len(found) != acceptance.count:
            say(f"{counted(len(found), 'picture')} of {folder}; published is the mean over {acceptance.count}")
        for metric, expected in acceptance.means.items():
            verdicts.append(Verdict(spec.name, metric, _mean([values[metric] for values in found]), expected))
    print(f"Expected: {held[0][1].source}")
    print(*aligned([HEAD, *(verdict.cells for verdict in verdicts)]), sep="\n")
    met = [verdict.is_met for verdict in verdicts if verdict.is_met is not None]
    return 0 if met and all(met) else 1


def _values(
    codec: Codec, name: str, pictures: Iterator[Pixels], acceptance: Acceptance, pause: Callable[[], None]
) -> Iterator[Values]:
    """What each picture comes to."""
    for number, pixels in enumerate(pictures, 1):
        picture = decoded(codec, codec.encode(pixels, Target()), DEFAULT_RENDERING)
        yield measure(pixels, picture, acceptance.means)
        say(f"{name}: picture {number}", start="")
        pause()


def _squares(folder: Path, side: int) -> Iterator[Pixels]:
    """The middles of the pictures of a folder; those that hold none are told."""
    for path in picture_paths(folder):
        try:
            require_picture_file(path)
            yield _middle(load_picture(path).pixels, side, path.name)
        except ImageError as error:
            say(f"left out: {error}")


def _middle(pixels: Pixels, side: int, name: str) -> Pixels:
    height, width = pixels.shape[:2]
    if min(height, width) < side:
        raise ImageError(f"'{name}' has {width} x {height} pixels; published is what becomes of {side} x {side}.")
    top, left = (height - side) // 2, (width - side) // 2
    return pixels[top : top + side, left : left + side]


def _mean(values: Sequence[float | None]) -> float | None:
    """Over all pictures; None if one has no value, or there are none."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None
