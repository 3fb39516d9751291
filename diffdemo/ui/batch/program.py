"""A batch for programs: pictures go in, a zip, a table and a report come out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from diffdemo.engine import Engine
from diffdemo.engine.batch.archive import archived, table
from diffdemo.engine.batch.compress import Outcome, Progress, compress_all
from diffdemo.engine.batch.means import means
from diffdemo.images import MAX_PIXELS
from diffdemo.ui.batch.acts import SHEET, ZIP, order_of
from diffdemo.ui.errors import friendly
from diffdemo.ui.models import choice
from diffdemo.ui.programs.endpoints import AUTO
from diffdemo.ui.server.uploads import require_upload
from diffdemo.ui.studio.screen import served


@dataclass(frozen=True, slots=True)
class BatchEndpoint:
    """The call, on one engine."""

    engine: Engine

    @friendly
    def batch(
        self,
        images: list[str],
        bpp: float = 1.0,
        num_bytes: int | None = None,
        preset: str = "balanced",
        codec: str = AUTO,
        model: str = "",
        most_pixels: int = MAX_PIXELS,
        pictures: bool = False,
    ) -> Iterator[tuple[str | None, str | None, dict]]:
        """Compress many pictures to one zip of .difd files; one that fails does not stop the rest.

        Args:
            images: picture files, at most 100.
            bpp: bits per pixel to spend on each.
            num_bytes: exact most of bytes for each instead; overrides `bpp`.
            preset: how long to search, where the codec does: "fast", "balanced" or "best".
            codec: name of one; "auto" for that of the model, or the default one.
            model: name of a model that is here; empty for the codec's own choice.
            most_pixels: larger pictures are scaled down to so many.
            pictures: whether the zip also holds the decoded pictures, as PNG.

        Returns:
            The zip, a table as CSV, and a report: an entry for each picture, with its error if it has one, and means.
            Until it is done there are no files yet, and the report says how far it is.
        """
        chosen = choice.of_program(self.engine, codec, model).codec
        order = order_of(self.engine, chosen, model, bpp, num_bytes, preset, most_pixels)
        outcomes: tuple[Outcome, ...] = ()
        with TemporaryDirectory() as folder:
            path = Path(folder) / ZIP
            work = compress_all(self.engine, [Path(require_upload(image)) for image in images or []], order)
            with closing(archived(work, path, with_pictures=pictures)) as followed:
                for progress in followed:
                    outcomes = progress.outcomes
                    yield None, None, _progress(progress)
            yield str(path), served(table(outcomes).encode(), SHEET), _report(outcomes)


def _progress(progress: Progress) -> dict:
    done = {"pictures_done": len(progress.outcomes)}
    return done | {name: getattr(progress, name) for name in ("count", "share", "seconds_left")}


def _report(outcomes: tuple[Outcome, ...]) -> dict:
    """In words of JSON, which knows no infinity: that of a lossless file is null."""
    report = {"pictures": [asdict(outcome) for outcome in outcomes], "means": asdict(means(outcomes))}
    return json.loads(json.dumps(report), parse_constant=lambda _: None)
