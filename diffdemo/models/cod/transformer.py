"""CoD on pixels: a diffusion transformer that is told the codes of a picture, and knows nothing of autoencoders.

    noisy patches, context --blocks on patches--> weights of a small network each --on their pixels--> velocity

Encoder, codebook and context decoder are those of CoD-Lite, wider and with attention over the whole map.

Source: Jia et al. 2025, "CoD" (arXiv:2511.18706), and their code, github.com/microsoft/GenCodec; after PixNerd (Wang et
al. 2025, arXiv:2507.23268). Everything here is float32.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from diffdemo.models.cod.network import PATCHES_AT_A_TIME, Codec
from diffdemo.models.cod.pixels import COLOURS, PIXELS, FinalLayer, Gain, PixelEmbedding, image_of, patches_of
from diffdemo.models.cod.shape import TransformerShape
from diffdemo.models.cod.trunk import MODULATIONS, TimeEmbedding

ATTENTIONS = 3
"""Of the context decoder."""
SLOWEST_TIME = 10
SLOWEST_PLACE = 10_000
SPAN = 16.0
"""Places run from 0 to this along either side, whatever the size of the picture."""


class CodTransformer(nn.Module):
    """All networks; the tensors of a weight file are exactly this module's."""

    def __init__(self, shape: TransformerShape) -> None:
        super().__init__()
        self.shape = shape
        width, narrow = shape.width, shape.pixel_width
        self.t_embedder = TimeEmbedding(width, SLOWEST_TIME)
        self.y_embedder = Codec(shape, ATTENTIONS, None)
        self.y_embedder_x = nn.Linear(width, PIXELS * narrow)
        self.x_embedder = PixelEmbedding(narrow)
        self.s_embedder = nn.ModuleDict({"proj": nn.Linear(COLOURS * PIXELS + width, width)})
        on_patches = (PatchBlock(shape) for _ in range(shape.blocks))
        self.blocks = nn.ModuleList([*on_patches, *(PixelBlock(shape) for _ in range(shape.pixel_blocks))])
        self.final_layer = FinalLayer(narrow)

    def denoised(self, noisy: Tensor, time: float, context: Tensor, table: Tensor) -> Tensor:
        """The clean picture that is expected.

        Args:
            noisy: x_t = t x + (1 - t) n, [B,3,16h,16w].
            time: t, from 0 for noise to 1.
            context: of the codes, [B,C,h,w].
            table: `position_table`.

        Returns:
            [B,3,16h,16w], nominally in [-1,1].
        """
        return noisy + (1 - time) * self.velocity(noisy, time, context, table)

    def velocity(self, noisy: Tensor, time: float, context: Tensor, table: Tensor) -> Tensor:
        """X - n as it is expected; arguments as for `denoised`."""
        batch, _, height, width = context.shape
        told, shown = context.flatten(2).transpose(1, 2), patches_of(noisy).flatten(1, 2)
        moment = self.t_embedder(time)
        s = self.s_embedder["proj"](torch.cat([shown.transpose(2, 3).flatten(2), told], dim=2))
        turns = rotations(height, width, self.shape.width // self.shape.heads).to(s.device)
        for block in self.blocks[: self.shape.blocks]:
            s = block(s, F.silu(moment), turns)
        rows, told, shown = F.silu(moment + s).flatten(0, 1), told.flatten(0, 1), shown.flatten(0, 1)
        groups = torch.arange(len(rows)).split(PATCHES_AT_A_TIME)
        parts = [self._pixels(rows[some], told[some], shown[some], table) for some in groups]
        return image_of(torch.cat(parts).view(batch, height, width, PIXELS, COLOURS))

    def _pixels(self, s: Tensor, told: Tensor, shown: Tensor, table: Tensor) -> Tensor:
        """Pixels of a few patches, [n,256,3], from rows [n,C] of patches and of context, and what they show."""
        features = self.y_embedder_x(told).view(len(s), -1, PIXELS).transpose(1, 2)
        q = self.x_embedder.joined(torch.cat([shown, features, table.expand(len(s), -1, -1)], dim=2))
        for block in self.blocks[self.shape.blocks :]:
            q = block(q, s)
        return self.final_layer(q)


class PatchBlock(nn.Module):
    """Attention, then a perceptron; both modulated by the time and gated, beside a skip connection."""

    def __init__(self, shape: TransformerShape) -> None:
        super().__init__()
        width = shape.width
        self.norm1 = Gain(width)
        self.attn = Attention(width, shape.heads)
        self.norm2 = Gain(width)
        self.mlp = Perceptron(width, shape.hidden)
        self.adaLN_modulation = nn.Sequential(nn.Linear(width, MODULATIONS * width))

    def forward(self, s: Tensor, moment: Tensor, turns: Tensor) -> Tensor:
        """[B,N,C], an activated time [C] and `rotations` -> [B,N,C]."""
        shift, scale, gate, shift_after, scale_after, gate_after = self.adaLN_modulation(moment).chunk(MODULATIONS)
        s = s + gate * self.attn(self.norm1(s) * (1 + scale) + shift, turns)
        return s + gate_after * self.mlp(self.norm2(s) * (1 + scale_after) + shift_after)


class Attention(nn.Module):
    """Every patch asks all others; queries and keys are normalised, then turned by the place of their patch."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self._heads = heads
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.q_norm = Gain(width // heads)
        self.k_norm = Gain(width // heads)
        self.proj = nn.Linear(width, width)

    def forward(self, s: Tensor, turns: Tensor) -> Tensor:
        """[B,N,C] -> [B,N,C]."""
        batch, count, _ = s.shape
        query, key, value = self.qkv(s).view(batch, count, 3, self._heads, -1).permute(2, 0, 3, 1, 4)
        query, key = turned(self.q_norm(query), turns), turned(self.k_norm(key), turns)
        answer = F.scaled_dot_product_attention(query, key, value)
        return self.proj(answer.transpose(1, 2).flatten(2))


class Perceptron(nn.Module):
    """Two layers, the first of them gated (Shazeer 2020, arXiv:2002.05202)."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.w1 = nn.Linear(width, hidden, bias=False)
        self.w2 = nn.Linear(hidden, width, bias=False)
        self.w3 = nn.Linear(width, hidden, bias=False)

    def forward(self, s: Tensor) -> Tensor:
        """[B,N,C] -> [B,N,C]."""
        return self.w2(F.silu(self.w1(s)) * self.w3(s))


class PixelBlock(nn.Module):
    """A perceptron on the channels of a pixel, whose weights each patch makes for its own."""

    def __init__(self, shape: TransformerShape) -> None:
        super().__init__()
        self._width = narrow = shape.pixel_width
        self.norm = Gain(narrow)
        self.param_generator1 = nn.Sequential(nn.Linear(shape.width, 4 * narrow**2))

    def forward(self, q: Tensor, s: Tensor) -> Tensor:
        """Pixels [n,256,D] and their patches [n,C] -> [n,256,D]."""
        first, second = self.param_generator1(s).chunk(2, dim=1)
        into = F.normalize(first.view(len(s), self._width, -1), dim=1)
        out = F.normalize(second.view(len(s), -1, self._width), dim=1)
        return q + F.silu(self.norm(q) @ into) @ out


def rotations(height: int, width: int, channels: int) -> Tensor:
    """By how much pairs of channels are turned at each place, complex [h w, channels / 2], in raster order.

    Pairs take turns: one by the column, one by the row, both at a frequency of SLOWEST_PLACE^(-4 j / channels).
    """
    column, row = (torch.linspace(0, SPAN, count, dtype=torch.float64) for count in (width, height))
    places = torch.cartesian_prod(row, column).flip(1)
    frequencies = SLOWEST_PLACE ** (-4 * torch.arange(channels // 4, dtype=torch.float64) / channels)
    angles = (frequencies[None, :, None] * places[:, None, :]).flatten(1)
    return torch.polar(torch.ones_like(angles), angles).to(torch.complex64)


def turned(h: Tensor, turns: Tensor) -> Tensor:
    """Neighbouring channels as the parts of a complex number, turned: [B,heads,N,D] -> the same."""
    pairs = torch.view_as_complex(h.float().unflatten(3, (-1, 2)).contiguous())
    return torch.view_as_real(pairs * turns).flatten(3)
