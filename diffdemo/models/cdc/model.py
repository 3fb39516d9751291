"""A CDC model: compressor and denoiser of one of the two families."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import torch
from torch import Tensor, nn

from diffdemo.diffusion.ddim import ddim
from diffdemo.diffusion.posterior import white_noise
from diffdemo.diffusion.schedule import cosine_schedule, linear_schedule, visited_steps
from diffdemo.models.cdc.compressor import Compressor
from diffdemo.models.cdc.unet import ConditionalUNet
from diffdemo.models.evaluation import evaluation
from diffdemo.models.weights import read_network


class Family(StrEnum):
    """What the denoiser is asked for: the clean picture (X) or the noise (EPSILON)."""

    X = "x"
    EPSILON = "epsilon"


@dataclass(frozen=True, slots=True)
class CdcShape:
    """What has to be known to build the networks before their weights can be loaded.

    The released models are as wide in the compressor as in the denoiser: 1, 2, 3, 4 times the base width. A small model
    cannot afford that: what counts is how many numbers a block of pixels passes through, and 3 x 16 channels at 1/16 of
    the resolution are a sixteenth of the picture. So the compressor's widths are given one by one; they cost little
    where the resolution is low.

    Attributes:
        family: what the denoiser predicts.
        width: base channels of the denoiser.
        widths: channels of the encoder's four stages; () for 1, 2, 3, 4 times the base.
        rising: channels of the context decoder's four blocks, coarsest first; () for those of the encoder's stages
            that come next, as in the released models. In a small model that is a bottleneck: all that the decoder knows
            passes through these few numbers.
        hyper: channels of the hyperprior; 0 for as many as the last stage has. What it says is coarse and cheap, its
            5x5 convolutions are not.
    """

    family: Family
    width: int
    widths: tuple[int, ...] = ()
    rising: tuple[int, ...] = ()
    hyper: int = 0

    @property
    def stages(self) -> tuple[int, ...]:
        """Channels of the encoder's stages."""
        return self.widths or tuple(self.width * factor for factor in (1, 2, 3, 4))

    @property
    def blocks(self) -> tuple[int, ...]:
        """Channels of the context decoder's blocks."""
        return self.rising or (*self.stages[2::-1], self.stages[0])

    @property
    def hyper_channels(self) -> int:
        """Channels of z."""
        return self.hyper or self.stages[-1]

    @property
    def finest(self) -> int:
        """Channels of the context at full resolution."""
        return self.stages[0] if self.family is Family.X else 3

    def to_metadata(self) -> dict[str, str]:
        """The shape as strings, the only type that a safetensors header holds."""
        metadata = {
            "family": self.family.value,
            "width": str(self.width),
            "widths": ",".join(str(channels) for channels in self.stages),
        }
        # Only where it differs from the released models, whose converted files, and so fingerprints, stay as they are.
        if self.rising:
            metadata["rising"] = ",".join(str(channels) for channels in self.rising)
        if self.hyper:
            metadata["hyper"] = str(self.hyper)
        return metadata

    @classmethod
    def from_metadata(cls, metadata: dict[str, str]) -> CdcShape:
        """Inverse of `to_metadata`.

        Raises:
            KeyError, ValueError: if an entry is missing or not what it should be.
        """
        widths = _integers(metadata["widths"])
        rising = _integers(metadata["rising"]) if "rising" in metadata else ()
        if len(widths) != 4 or len(rising) not in (0, 4):
            raise ValueError("four stages were expected")
        return cls(Family(metadata["family"]), int(metadata["width"]), widths, rising, int(metadata.get("hyper", "0")))


def read_cdc(path: Path) -> tuple[CdcNetwork, str]:
    """The networks of a weight file, and its SHA-256.

    Raises:
        WeightsError: missing, damaged, or of another architecture.
    """
    network, weights = read_network(path, lambda found: CdcNetwork(CdcShape.from_metadata(found)), "CDC model")
    return network, weights.sha256


def _integers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


class CdcNetwork(nn.Module):
    """Compressor and denoiser; the tensors of a weight file are exactly this module's."""

    def __init__(self, shape: CdcShape) -> None:
        super().__init__()
        self.shape = shape
        self.compressor = Compressor(shape.stages, shape.finest, shape.blocks, shape.hyper_channels)
        self.unet = ConditionalUNet(shape.width, self.compressor.context_channels[::-1])


class CdcModel:
    """Networks with weights, on a device, in evaluation mode.

    Attributes:
        sha256: hash of the weight file; its first four bytes stand in every file written with it.
        num_parameters: of both networks.
    """

    def __init__(self, network: CdcNetwork, *, sha256: str, device: torch.device) -> None:
        self.shape = network.shape
        self.sha256 = sha256
        self.device = device
        self.num_parameters = sum(p.numel() for p in network.parameters())
        self.schedule = cosine_schedule() if self.shape.family is Family.X else linear_schedule()
        self.compressor = network.compressor
        self._network = network.eval().requires_grad_(False).to(device)
        self._network = self._network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @classmethod
    def load(cls, path: Path, *, device: torch.device) -> CdcModel:
        """Read weights written by `training.cdc.export` or `released.convert`.

        Raises:
            WeightsError: missing, damaged, or of another architecture.
        """
        network, sha256 = read_cdc(path)
        return cls(network, sha256=sha256, device=device)

    @property
    def default_steps(self) -> int:
        """Denoising steps of a decode if nobody says otherwise."""
        return 17 if self.shape.family is Family.X else 65

    @property
    def quick_steps(self) -> int:
        """Steps of the quickest decode that is worth looking at."""
        return 1 if self.shape.family is Family.X else 9

    @evaluation
    @torch.inference_mode()
    def analyse(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Picture [1,3,H,W] in [-1,1], sides multiples of 64 -> latents y and z, float32 on the CPU."""
        y, z = self.compressor.analyse(self._placed(image))
        return y.cpu().contiguous(), z.cpu().contiguous()

    @evaluation
    @torch.inference_mode()
    def context(self, y_hat: Tensor) -> list[Tensor]:
        """What the denoiser is told, on the device."""
        return self.compressor.context(self._placed(y_hat))

    def start(self, context: list[Tensor], gamma: float, seed: int) -> Tensor:
        """Where a decode starts: nothing for gamma = 0, otherwise noise of that standard deviation, [1,3,H,W]."""
        shape = (1, 3, *context[0].shape[2:])
        return gamma * white_noise(shape, seed, stream=-2) if gamma > 0 else torch.zeros(shape)

    @torch.inference_mode()
    def synthesise(
        self, context: list[Tensor], start: Tensor, num_steps: int, *, eta: float = 0.0, seed: int = 0
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Decode in a number of steps: after each, the clean picture that is expected, and the state.

        The last state is the result; in the last step of the x family both are the same.

        Args:
            context: from `context`.
            start: [1,3,H,W].
            num_steps: 1 to T.
            eta, seed: fresh noise in every step, see `ddim`.
        """
        steps = self._steps(num_steps)
        yield from ddim(
            lambda x, abar, position: self._predict(x, abar, self._time(steps, position), context),
            self.schedule,
            steps,
            self._placed(start),
            eta=eta,
            seed=seed,
        )

    def _steps(self, count: int) -> Tensor:
        # One step: the x family looks from the far end, where the content is all there is. The epsilon family has no
        # such rule, and its one-step decode returns little but the start.
        if count == 1 and self.shape.family is Family.X:
            return torch.tensor([self.schedule.num_steps - 1])
        return visited_steps(self.schedule, count)

    def _time(self, steps: Tensor, position: int) -> Tensor:
        """The x family is told where on the whole schedule it stands, the epsilon family where in this decode."""
        if self.shape.family is Family.X:
            return steps[position : position + 1].float() / self.schedule.num_steps
        return torch.full((1,), position / len(steps))

    @evaluation
    def _predict(self, x: Tensor, abar: float, time: Tensor, context: list[Tensor]) -> tuple[Tensor, Tensor]:
        out = self._network.unet(x, time.to(self.device), context)
        share, rest = math.sqrt(1 / abar), math.sqrt(1 / abar - 1)
        if self.shape.family is Family.X:
            clean = out.clamp(-1, 1)
            return clean, (share * x - clean) / rest
        return share * x - rest * out, out

    def _placed(self, tensor: Tensor) -> Tensor:
        return tensor.to(self.device).contiguous(memory_format=torch.channels_last)
