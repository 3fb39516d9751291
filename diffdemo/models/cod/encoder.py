"""The encoder of CoD-Lite: a picture into a small map of vectors, before they are quantised."""

from __future__ import annotations

from itertools import chain

from torch import Tensor, nn

from diffdemo.models.cod.layers import WINDOW, Downsample, GroupNorm, Residual, WindowAttention, costs
from diffdemo.models.cod.shape import CodShape
from diffdemo.models.evaluation import Parts, finished


class Encoder(nn.Module):
    """Residual blocks at falling resolution, attention at the last one.

    The first convolution and the first stage always halve the sides; each of the next three does so only as long as
    the map is finer than the codes'.
    """

    def __init__(self, shape: CodShape, window: int | None = WINDOW) -> None:
        super().__init__()
        narrow, groups = shape.encoder_width, shape.groups
        wide, widest = 2 * narrow, 4 * narrow
        self.conv_in = nn.Conv2d(3, narrow, 3, stride=2, padding=1)
        self.down_block_0 = _stage(narrow, narrow, groups, halves=True)
        self.down_block_1 = _stage(narrow, narrow, groups, halves=shape.stride >= 8)
        self.down_block_2 = _stage(narrow, wide, groups, halves=shape.stride >= 16)
        self.down_block_3 = _stage(wide, wide, groups, halves=shape.stride >= 32)
        self.down_block_4 = nn.Sequential(
            Residual(wide, widest, groups),
            WindowAttention(widest, groups, window),
            Residual(widest, widest, groups),
            WindowAttention(widest, groups, window),
        )
        self.mid_block = nn.Sequential(
            Residual(widest, widest, groups),
            WindowAttention(widest, groups, window),
            Residual(widest, widest, groups),
        )
        self.norm_out = GroupNorm(widest, groups)
        self.conv_out = nn.Conv2d(widest, shape.code_channels, 3, padding=1)

    @property
    def layers(self) -> list[nn.Module]:
        """What lies between the first convolution and the last one."""
        stages = (self.down_block_0, self.down_block_1, self.down_block_2, self.down_block_3, self.down_block_4)
        return [*chain(*stages, self.mid_block)]

    def costs(self, height: int, width: int) -> list[int]:
        """Multiplications of each of these, for a picture of a size."""
        return [*costs(self.layers, height * width // 4)]

    def encoding(self, image: Tensor) -> Parts[Tensor]:
        """As `forward`, layer by layer: a stage that is called as a whole keeps what it began with in memory."""
        h = self.conv_in(image)
        for layer, cost in zip(self.layers, self.costs(*image.shape[2:]), strict=True):
            h = layer(h)
            yield cost
        return self.conv_out(self.norm_out.activated(h))

    def forward(self, image: Tensor) -> Tensor:
        """Picture [B,3,H,W] in [0,1], sides multiples of `CodShape.multiple` -> [B,D,H/stride,W/stride]."""
        return finished(self.encoding(image))


def _stage(channels_in: int, channels: int, groups: int, *, halves: bool) -> nn.Sequential:
    return nn.Sequential(
        Residual(channels_in, channels, groups),
        Residual(channels, channels, groups),
        Downsample(channels) if halves else nn.Identity(),
    )
