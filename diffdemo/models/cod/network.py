"""The networks of CoD-Lite together: encoder, codebook, and the decoder that needs one step.

    picture --encoder--> vectors --nearest--> codes
    codes --context decoder--> context, one vector a patch --blocks on patches, blocks on pixels--> picture

The decoder is a diffusion model that was trained on to be right at once: shown no picture at all (zeros, at the time of
pure noise) it answers with the clean one. Shown a noisy picture and its time, the same network is a denoiser.

Source: Jia et al. 2026, "CoD-Lite: Real-Time Diffusion-Based Generative Image Compression" (arXiv:2604.12525), and
their code, github.com/microsoft/GenCodec. Everything here is float32.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from diffdemo.models.cod.context import ContextDecoder
from diffdemo.models.cod.encoder import Encoder
from diffdemo.models.cod.layers import WINDOW, num_weights
from diffdemo.models.cod.pixels import (
    COLOURS,
    PIXELS,
    FinalLayer,
    PixelEmbedding,
    PixelNetwork,
    image_of,
    patches_of,
)
from diffdemo.models.cod.quantiser import Quantiser
from diffdemo.models.cod.shape import CodShape
from diffdemo.models.cod.trunk import MODULATIONS, Block, PatchEmbedding, TimeEmbedding
from diffdemo.models.evaluation import Parts, finished

PATCHES_AT_A_TIME = 128
"""Patches whose pixels are in memory together: few enough for their features to stay in a processor's cache."""


class Codec(nn.Module):
    """What becomes codes, and what codes become."""

    def __init__(self, shape: CodShape, attentions: int = 2, window: int | None = WINDOW) -> None:
        super().__init__()
        self.encoder = Encoder(shape, window)
        self.bottleneck = Quantiser(1 << shape.bits, shape.code_channels)
        self.decoder = ContextDecoder(shape, attentions, window)


class CodNetwork(nn.Module):
    """All networks; the tensors of a weight file are exactly this module's."""

    def __init__(self, shape: CodShape) -> None:
        super().__init__()
        self.shape = shape
        self.t_embedder = TimeEmbedding(shape.width)
        self.y_embedder = Codec(shape)
        self.y_embedder_x = nn.Conv2d(shape.width, PIXELS * shape.pixel_width, 1)
        self.x_embedder = PixelEmbedding(shape.pixel_width)
        self.s_embedder = PatchEmbedding(shape)
        self.blocks = nn.ModuleList(Block(shape.width) for _ in range(shape.blocks))
        self.dec_net = PixelNetwork(shape)
        self.final_layer = FinalLayer(shape.pixel_width)

    def modulations(self, time: float) -> Tensor:
        """What every block takes from a time, [blocks,6,C]."""
        told = self.t_embedder(time)
        vectors = [block.adaLN_modulation(told).view(MODULATIONS, -1) for block in self.blocks]  # type: ignore[operator]
        return torch.stack(vectors)

    def costs(self, codes: int) -> list[int]:
        """Multiplications of `decoding` with so many codes, part by part."""
        patches = codes * self.shape.stride**2 // PIXELS
        parts = [self._cost_of_pixels(some) for some in _parts(patches)]
        return [*self.y_embedder.decoder.costs(codes), *self._costs_of_blocks(patches), *parts]

    def decoding(self, codes: Tensor, modulations: Tensor, table: Tensor) -> Parts[Tensor]:
        """The picture that codes stand for, in one step.

        Args:
            codes: int64 [B,h,w].
            modulations: of the time of pure noise.
            table: `position_table`.

        Returns:
            [B,3,H,W], nominally in [-1,1].
        """
        vectors = self.y_embedder.bottleneck.vectors(codes).contiguous(memory_format=torch.channels_last)
        context = yield from self.y_embedder.decoder.decoding(vectors)
        return (yield from self._cleaning(context, modulations, table, None))

    def clean(self, context: Tensor, modulations: Tensor, table: Tensor, noisy: Tensor | None = None) -> Tensor:
        """The clean picture that is expected.

        Args:
            context: of the codes, [B,C,h,w].
            modulations: of the time.
            table: `position_table`.
            noisy: [B,3,16h,16w] in [-1,1]; None for zeros.

        Returns:
            [B,3,16h,16w], nominally in [-1,1].
        """
        return finished(self._cleaning(context, modulations, table, noisy))

    def denoised(self, noisy: Tensor, time: float, context: Tensor, table: Tensor) -> Tensor:
        """The clean picture that is expected at a time; see `clean`."""
        return self.clean(context, self.modulations(time), table, noisy)

    def _cleaning(self, context: Tensor, modulations: Tensor, table: Tensor, noisy: Tensor | None) -> Parts[Tensor]:
        """Blocks on patches, then pixels of a few patches at a time."""
        s = self.s_embedder(context, noisy)
        batch, _, height, width = s.shape
        each = self._costs_of_blocks(batch * height * width)
        for block, modulation, cost in zip(self.blocks, modulations, each, strict=True):
            s = block(s, modulation)
            yield cost
        shown = None if noisy is None else patches_of(noisy).flatten(0, 2)
        parts = []
        for part in self._by_patches(_rows(s), _rows(context), table, shown):
            parts.append(part)
            yield self._cost_of_pixels(len(part))
        return image_of(torch.cat(parts).view(batch, height, width, PIXELS, COLOURS))

    def _costs_of_blocks(self, patches: int) -> list[int]:
        """Multiplications of each block, without the one layer in it that sees only a mean."""
        return [patches * (num_weights(block) - num_weights(block.ca)) for block in self.blocks]  # type: ignore[arg-type]

    def _cost_of_pixels(self, patches: int) -> int:
        """Multiplications for the pixels of so many patches."""
        network, width = self.dec_net, self.shape.pixel_width
        told = num_weights(network.cond_embed) + self.shape.width * PIXELS * width
        return patches * (told + PIXELS * num_weights(network.res_blocks, self.final_layer))

    def _by_patches(self, s: Tensor, context: Tensor, table: Tensor, shown: Tensor | None) -> Iterator[Tensor]:
        """Pixels of a few patches at a time, [patches,256,3], from rows [patches,C] of both."""
        weight, bias = self._entrance(table)
        network = self.dec_net
        for start in range(0, len(s), PATCHES_AT_A_TIME):
            some = slice(start, start + PATCHES_AT_A_TIME)
            told = F.silu(network.cond_embed(s[some])).view(-1, PIXELS, self.shape.pixel_width)
            q = F.linear(context[some], weight, bias).view_as(told)
            if shown is not None:
                q = q + F.linear(shown[some], self._mixed()[:, :COLOURS])
            for block in network.res_blocks:
                q = block(q, told)
            yield self.final_layer(q)

    def _mixed(self) -> Tensor:
        """Two linear layers that follow each other directly, on colour, features and place of a pixel, as one."""
        return self.dec_net.input_proj.weight @ self.x_embedder.joined.weight

    def _entrance(self, table: Tensor) -> tuple[Tensor, Tensor]:
        """From a patch's context straight to what all its pixels start with.

        The layer that gives each pixel its features, the one that joins them with its place, and the one after that
        are all linear: they are one layer [256 D, C] with a bias for each pixel and channel.
        """
        width = self.shape.pixel_width
        mixed = self._mixed()
        features, place = mixed[:, COLOURS : COLOURS + width], mixed[:, COLOURS + width :]
        joined, into = self.x_embedder.joined, self.dec_net.input_proj
        # The released layer counts its outputs channel by channel, pixels within; here it is pixel by pixel.
        weight = torch.einsum("ed,dpc->pec", features, self.y_embedder_x.weight.view(width, PIXELS, -1))
        bias = self.y_embedder_x.bias.view(width, PIXELS).T @ features.T + table @ place.T  # type: ignore[union-attr]
        bias = bias + F.linear(joined.bias, into.weight, into.bias)
        return weight.flatten(0, 1), bias.flatten()


def _rows(features: Tensor) -> Tensor:
    """[B,C,h,w] -> [B h w, C]."""
    return features.permute(0, 2, 3, 1).flatten(0, 2)


def _parts(patches: int) -> list[int]:
    """Sizes of the groups that patches are computed in."""
    whole, rest = divmod(patches, PATCHES_AT_A_TIME)
    return [PATCHES_AT_A_TIME] * whole + ([rest] if rest else [])
