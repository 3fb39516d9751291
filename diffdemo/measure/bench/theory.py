"""How near real files come to the closed forms of Gaussian sources: the numbers of docs/theory.md."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from diffdemo.diffusion.posterior import white_noise
from diffdemo.diffusion.samplers import ancestral
from diffdemo.engine.examples import example_pixels
from diffdemo.measure.bench.cdc import Row
from diffdemo.theory.closed_forms import GaussianDenoiser
from diffdemo.theory.real_files import REAL_DECODERS, Landing, Landings
from diffdemo.theory.sources import Source, from_blocks, power_law

EXPONENTS = (0.0, 1.5, 2.5)
STEPS = (16, 32, 64, 200)
"""Of ancestral sampling: the decoder's own number, and more."""
SIGMA = 0.5
"""A noise level, the source's standard deviation being 1, at which many components of a steep spectrum are unknown."""
ROUNDS = 900
"""Draws of the source for measuring ancestral sampling."""


def bench_theory() -> Iterator[Row]:
    """Each source through the codec, then ancestral sampling of the steepest in ever more steps."""
    sources = [power_law(exponent) for exponent in EXPONENTS]
    for source in (*sources, from_blocks(example_pixels("astronaut"))):
        *_, run = Landings().run(source)
        yield _landing_row(source, run.landings)
    for source in (sources[0], sources[-1]):
        yield from _ancestral_rows(source)


def _landing_row(source: Source, landings: Sequence[Landing]) -> Row:
    row: Row = {
        "source": source.name,
        "bits a dimension": f"{landings[0].bits:.3f} to {landings[-1].bits:.2f}",
        "over closed form": f"{landings[0].overhead:.0%} to {landings[-1].overhead:.0%}",
    }
    for decoder in REAL_DECODERS:
        above = [landing.snr_db[decoder.value] - landing.expected_db[decoder.value] for landing in landings]
        row[f"{decoder.value} dB"] = f"{min(above):+.2f} to {max(above):+.2f}"
    return row


def _ancestral_rows(source: Source) -> Iterator[Row]:
    """How much smaller than by its closed form the error of ancestral sampling is."""
    variances = torch.tensor(source.variances, dtype=torch.float32)
    shape = (1, 1, ROUNDS, len(variances))
    x = white_noise(shape, 1, stream=0) * variances.sqrt()
    z = x + SIGMA * white_noise(shape, 1, stream=1)
    expected = float((2 * variances * SIGMA**2 / (variances + SIGMA**2)).mean())
    for steps in STEPS:
        *_, (decoded, _, _) = ancestral(GaussianDenoiser(variances), z, SIGMA, seed=2, steps=steps)
        found = float((decoded - x).double().square().mean())
        gain = 10 * torch.log10(torch.tensor(expected / found))
        yield {"ancestral of": source.name, "steps": steps, "above closed form dB": float(gain)}
