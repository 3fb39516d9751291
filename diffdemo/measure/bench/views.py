"""What it is worth to show the denoiser several views of every state."""

from __future__ import annotations

import time
from collections.abc import Iterator

from diffdemo.codecs.diffc import DiffC
from diffdemo.diffusion.views import MAX_VIEWS, Views
from diffdemo.engine.examples import example_centre
from diffdemo.engine.hardware.device import choose_device
from diffdemo.engine.store import load_shipped
from diffdemo.images import to_image, to_pixels
from diffdemo.measure.bench.ideal import ideal_chain
from diffdemo.metrics.distortion import psnr_db

SIDE = 256
SIGMA = 0.12
"""Where the chains end: at about 0.8 bits per pixel on a photograph."""


def bench_views() -> Iterator[dict[str, float | int | str]]:
    """Ideal chains of the shipped model to the same noise level, by the number of views."""
    codec = load_shipped(DiffC, choose_device("auto"))
    network = codec.space.denoiser()
    for name in ("astronaut", "coffee"):
        pixels = example_centre(name, SIDE)
        for count in (1, 2, MAX_VIEWS):
            began = time.perf_counter()
            bits, picture = ideal_chain(Views(network, count), to_image(pixels), SIGMA)
            yield {
                "picture": name,
                "views": count,
                "ideal bpp": bits / SIDE**2,
                "PSNR dB": psnr_db(pixels, to_pixels(picture)),
                "seconds": time.perf_counter() - began,
            }
