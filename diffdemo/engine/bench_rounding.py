"""What CDC's encoder gains by rounding a latent towards zero where the bits that this saves are worth more."""

from __future__ import annotations

from collections.abc import Iterator

from diffdemo.codecs.base import Rendering
from diffdemo.codecs.cdc import Cdc
from diffdemo.codecs.cdc_step import CODES_AN_OCTAVE, UNIT_CODE
from diffdemo.engine.cdc_rates import installed_cdc
from diffdemo.engine.examples import EXAMPLES, example_pixels
from diffdemo.engine.records import CurvePoint
from diffdemo.engine.summary import bd_rate
from diffdemo.images import Pixels, to_pixels
from diffdemo.metrics import bits_per_pixel, psnr_db

BIT_PRICES = (0.01, 0.02, 0.03, 0.05, 0.1)
CODES = tuple(range(UNIT_CODE, UNIT_CODE + 5 * CODES_AN_OCTAVE, CODES_AN_OCTAVE))
"""Steps 1 to 16: the range of the shipped model."""


def bench_rounding() -> Iterator[dict[str, float | int | str]]:
    """For each example picture and price of a bit, the rate at equal PSNR against rounding to the nearest."""
    codec = installed_cdc()
    for example in EXAMPLES:
        pixels = example_pixels(example.name)
        nearest = rounded_curve(codec, pixels, 0.0)
        for bit_price in BIT_PRICES:
            change = bd_rate(nearest, rounded_curve(codec, pixels, bit_price))
            yield {
                "picture": example.name,
                "bit price": bit_price,
                "BD-rate %": float("nan") if change is None else change,
            }


def rounded_curve(codec: Cdc, pixels: Pixels, bit_price: float) -> list[CurvePoint]:
    """Files of `CODES`, decoded in one step."""
    content = codec.analyse(pixels)
    height, width = pixels.shape[:2]
    points = []
    for code in CODES:
        data = codec.write(content, code, bit_price=bit_price)
        *_, last = codec.decode(data, Rendering(steps=1))
        quality = psnr_db(pixels, to_pixels(last.image))
        points.append(CurvePoint(len(data), bits_per_pixel(len(data), width, height), quality, None))
    return points
