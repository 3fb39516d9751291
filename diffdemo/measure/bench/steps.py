"""Bits against evaluations of the network: how many steps a file should have, and how many views of each state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from diffdemo.codecs.diffc import DiffC
from diffdemo.codecs.diffc_picture import evaluations_at
from diffdemo.codecs.diffc_plan import EFFORTS
from diffdemo.codecs.records import Preset, Target
from diffdemo.engine.examples import example_centre
from diffdemo.engine.hardware.device import choose_device
from diffdemo.engine.store import load_shipped
from diffdemo.images import to_pixels
from diffdemo.measure.bench.cdc import Row
from diffdemo.metrics.distortion import psnr_db

PICTURES = ("astronaut", "coffee")
SIDE = 256
RATES = (0.1, 0.5)
FRONTIER = {1: (10, 14, 20, 28, 40), 2: (7, 10, 14, 20, 28), 4: (10, 14, 20, 36)}


def bench_steps() -> Iterator[Row]:
    """Quality of files of equal bytes by views and steps, with the search of `balanced`; means over the pictures."""
    codec = load_shipped(DiffC, choose_device("auto"))
    pictures = [example_centre(name, SIDE) for name in PICTURES]
    usual = EFFORTS[Preset.BALANCED]
    for bpp in RATES:
        for views, all_steps in FRONTIER.items():
            for steps in all_steps:
                qualities, evaluations = 0.0, 0.0
                EFFORTS[Preset.BALANCED] = replace(usual, views=views, steps=steps)
                try:
                    for pixels in pictures:
                        *_, last = codec.encode_progressively(pixels, Target(int(bpp * SIDE**2 / 8)))
                        file = codec.open(last.data)
                        qualities += psnr_db(pixels, to_pixels(last.picture.image))
                        evaluations += sum(evaluations_at(step.sigma, codec.space, file.head) for step in file.steps())
                finally:
                    EFFORTS[Preset.BALANCED] = usual
                yield {
                    "target bpp": bpp,
                    "views": views,
                    "steps": steps,
                    "evaluations": evaluations / len(pictures),
                    "PSNR dB": qualities / len(pictures),
                }
