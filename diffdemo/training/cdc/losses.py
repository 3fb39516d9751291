"""What CDC is trained on: rate and error of the compressor, then the error of the diffusion decoder, then its draws.

Each crop is quantised with a step delta of its own, and pays lambda = lambda_1 delta^2 for a bit: at high rate the
distortion of a uniform quantiser grows with delta^2, so that this is the price at which its step is the best one.

The diffusion decoder learns x-prediction with the signal-to-noise ratio, clipped at 5, as weight (Yang, Mandt 2023,
arXiv:2209.06950). Half of each batch is at the last step, where nothing is known but the content: there the weight
would be zero, but that is what decoding in one step rests on, and all that the compressor can be judged by.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from diffdemo.models.cdc.compressor import bits_of, gaussian_likelihood
from diffdemo.models.cdc.model import CdcNetwork, CdcShape
from diffdemo.training.cdc.energy_score import energy_score

LARGEST_SNR = 5.0


class Student(nn.Module):
    """The network, and the plain decoder that stands in for the U-Net during the first stage."""

    def __init__(self, shape: CdcShape) -> None:
        super().__init__()
        self.network = CdcNetwork(shape)
        self.head = nn.Conv2d(shape.finest, 3, 1)


def compress(network: CdcNetwork, x: Tensor, delta: Tensor, *, relaxed: bool = True) -> tuple[Tensor, Tensor]:
    """Quantise crops [B,3,H,W] with steps [B]: y_hat with a gradient straight through the rounding, and bpp [B].

    Args:
        network: of the crops' compressor.
        x, delta: crops and steps.
        relaxed: rate with additive uniform noise in place of rounding, whose gradient is exact (Ballé, Laparra,
            Simoncelli 2017, arXiv:1611.01704); at coarse steps, where most symbols are zero, it is twice as high as
            that of the rounded latents, which is what a file has.
    """
    compressor = network.compressor
    with _mixed_precision(x):
        y, z = (latent.float() for latent in compressor.analyse(x))
        median = compressor.prior.median[None, :, None, None]
        z_hat = z + ((z - median).round() + median - z).detach()
        mean, scale = (prediction.float() for prediction in compressor.predict(z_hat))
    step = delta[:, None, None, None]
    y_hat = y + (((y - mean) / step).round() * step + mean - y).detach()
    z_sent, y_sent = (
        (z + torch.rand_like(z) - 0.5, y + step * (torch.rand_like(y) - 0.5)) if relaxed else (z_hat, y_hat)
    )
    z_bits = bits_of(compressor.prior.likelihood(z_sent))
    y_bits = bits_of(gaussian_likelihood((y_sent - mean) / step, scale / step))
    return y_hat, (y_bits + z_bits) / (x.shape[-1] * x.shape[-2])


def compressor_loss(student: Student, x: Tensor, delta: Tensor, first_price: float) -> Tensor:
    """Rate and squared error behind the plain decoder."""
    y_hat, bpp = compress(student.network, x, delta)
    with _mixed_precision(x):
        x_hat = student.head(student.network.compressor.context(y_hat)[0])
    error = (x_hat.float() - x).square().mean(dim=(1, 2, 3))
    return (importance(delta) * (error + first_price * delta**2 * bpp)).mean()


def joint_loss(network: CdcNetwork, x: Tensor, delta: Tensor, first_price: float, abar: Tensor) -> Tensor:
    """First half of the batch at the last step, with the rate; second half at random steps, for the decoder only."""
    half = len(x) // 2
    y_hat, bpp = compress(network, x, delta)
    with _mixed_precision(x):
        context = [torch.cat([level[:half], level[half:].detach()]) for level in network.compressor.context(y_hat)]
    steps = len(abar)
    t = torch.full((len(x),), steps - 1, device=x.device)
    drawn = (torch.randperm(len(x) - half) + torch.rand(len(x) - half)) / (len(x) - half)
    t[half:] = (drawn * (steps - 1)).long().to(x.device)
    # gamma = 0 at every other one: the decoder is to be started from zeros as well as from noise.
    noise = torch.randn_like(x)
    noise[:half:2] = 0
    share = abar[t][:, None, None, None]
    noisy = share.sqrt() * x + (1 - share).sqrt() * noise
    noisy[:half] = noise[:half]
    with _mixed_precision(x):
        x_hat = network.unet(noisy, t / steps, context)
    error = (x_hat.float() - x).square().mean(dim=(1, 2, 3))
    weight = (abar[t] / (1 - abar[t])).clamp_max(LARGEST_SNR) / LARGEST_SNR
    weight[:half] = 1
    price = first_price * delta**2
    price[half:] = 0
    return (importance(delta) * (weight * error + price * bpp)).mean()


def synthesis_loss(network: CdcNetwork, x: Tensor, delta: Tensor, abar: Tensor, texture: float) -> Tensor:
    """For context decoder and denoiser: a quarter of the batch from zeros, a quarter from noise, half at random steps.

    What decides bits gets no gradient. From zeros the decoder learns the mean, for gamma = 0. From noise it learns to
    draw, if `texture` says so by the energy score of two draws for each crop. At random steps it learns to denoise.

    Args:
        network: x family.
        x, delta: as for `joint_loss`; at least four crops.
        abar: of the schedule, [T].
        texture: weight of the energy score; 0 for squared error from noise as well.
    """
    quarter = len(x) // 4
    steps = len(abar)
    y_hat, _ = compress(network, x, delta)
    with _mixed_precision(x):
        levels = network.compressor.context(y_hat.detach())
    # Crops that start from noise are decoded twice.
    row = torch.cat([torch.arange(2 * quarter), torch.arange(quarter, len(x))]).to(x.device)
    truth, level_rows = x[row], [level[row] for level in levels]
    t = torch.full((len(row),), steps - 1, device=x.device)
    later = len(row) - 3 * quarter
    drawn = (torch.randperm(later) + torch.rand(later)) / later
    t[3 * quarter :] = (drawn * (steps - 1)).long().to(x.device)
    noisy = torch.randn_like(truth)
    noisy[:quarter] = 0
    share = abar[t[3 * quarter :]][:, None, None, None]
    noisy[3 * quarter :] = share.sqrt() * truth[3 * quarter :] + (1 - share).sqrt() * noisy[3 * quarter :]
    with _mixed_precision(x):
        x_hat = network.unet(noisy, t / steps, level_rows).float()
    error = (x_hat - truth).square().mean(dim=(1, 2, 3))
    weight = (abar[t] / (1 - abar[t])).clamp_max(LARGEST_SNR) / LARGEST_SNR
    weight[: 3 * quarter] = 1
    losses = importance(delta[row]) * weight * error
    if texture > 0:
        first, second = x_hat[quarter : 2 * quarter], x_hat[2 * quarter : 3 * quarter]
        scores = energy_score(first, second, x[quarter : 2 * quarter])
        drawn_losses = texture * importance(delta[quarter : 2 * quarter]).sqrt() * scores
        losses = torch.cat([losses[:quarter], drawn_losses, losses[3 * quarter :]])
    return losses.sum() / len(x)


def importance(delta: Tensor) -> Tensor:
    """Makes a relative gain worth about the same at every rate: what is minimised falls about so with delta."""
    return 1 / delta


def _mixed_precision(x: Tensor) -> torch.autocast:
    """Convolutions in bfloat16; what becomes a rate or an error stays in float32."""
    return torch.autocast(x.device.type, dtype=torch.bfloat16, enabled=torch.is_grad_enabled())
