"""What resolutions of a noisy state are worth to the network."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from diffdemo.codecs.diffc import DiffC
from diffdemo.diffusion.posterior import white_noise
from diffdemo.diffusion.pyramid import Look, Pyramid, answers_to, looks_at
from diffdemo.engine.examples import example_centre
from diffdemo.engine.hardware.device import choose_device
from diffdemo.engine.store import load_shipped
from diffdemo.images import to_image
from diffdemo.measure.bench.cdc import Row

PICTURES = ("astronaut", "coffee")
SIDE = 256
SIGMAS = (16.0, 8.0, 5.0, 4.0, 3.0, 2.0, 1.4, 1.0, 0.7)


@torch.inference_mode()
def bench_pyramid() -> Iterator[Row]:
    """Squared error of the shipped model's answers at half and at quarter size, over that at full size."""
    network = load_shipped(DiffC, choose_device("auto")).space.denoiser()
    pictures = [to_image(example_centre(name, SIDE)) for name in PICTURES]
    for sigma in SIGMAS:
        errors: dict[str, float] = {}
        for number, x in enumerate(pictures):
            z = x + sigma * white_noise(tuple(x.shape), number, stream=0)
            answers = {f"1/{factor}": answers_to(network, [Look(factor, 0)], z, sigma)[0] for factor in (1, 2, 4)}
            answers |= {f"files, {views} views": Pyramid(network, views).denoise(z, sigma) for views in (1, 2)}
            for name, x_hat in answers.items():
                errors[name] = errors.get(name, 0.0) + float((x - x_hat.cpu()).square().sum())
        yield {
            "sigma": sigma,
            **{name: error / errors["1/1"] for name, error in errors.items()},
            "work, 1 view": sum(look.work for look in looks_at(sigma, 1)),
            "work, 2 views": sum(look.work for look in looks_at(sigma, 2)),
        }
