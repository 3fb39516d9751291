"""What the classical codecs have to say about one operating point."""

from __future__ import annotations

import math
import os

from fakes import FakeEngine

from diffdemo.metrics.points import CurvePoint
from diffdemo.ui.plot.baselines import Baselines


def point(num_bytes: int, psnr: float) -> CurvePoint:
    return CurvePoint(num_bytes, num_bytes / 100, {"psnr_db": psnr})


def test_a_picture_that_a_codec_reproduces_exactly_has_facts_without_a_number() -> None:
    baselines, png = Baselines(FakeEngine()), os.urandom(8)
    baselines.know(png, {"jpeg": [point(40, math.inf), point(60, math.inf)]})
    (fact,) = baselines.facts(png, 50, 30.0)
    assert (fact.codec, fact.smallest, fact.psnr_db) == ("jpeg", 40, None)
