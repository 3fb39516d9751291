"""From the codes of CoD-Lite to what the one-step decoder is told: a map of features, one for each 16x16 pixels."""

from __future__ import annotations

from torch import Tensor, nn

from diffdemo.models.cod.layers import GroupNorm, Residual, WindowAttention
from diffdemo.models.cod.shape import CodShape
from diffdemo.models.cod_progress import Progress


class Upsampled(nn.Module):
    """Each place becomes four, then a residual block: [B,C,H,W] -> [B,C,2H,2W]."""

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        self.block = Residual(channels, channels, groups)

    def forward(self, h: Tensor) -> Tensor:
        """Nearest neighbour, then the block."""
        return self.block(nn.functional.interpolate(h, scale_factor=2.0, mode="nearest"))


class ContextDecoder(nn.Module):
    """Residual blocks and attention at the resolution of the codes, then on to that of the patches."""

    def __init__(self, shape: CodShape) -> None:
        super().__init__()
        width, groups, stride = shape.width, shape.groups, shape.stride
        self.conv_in = nn.Conv2d(shape.code_channels, width, 3, padding=1)
        self.block = nn.Sequential(
            Residual(width, width, groups),
            WindowAttention(width, groups),
            Residual(width, width, groups),
            WindowAttention(width, groups),
            Residual(width, width, groups),
        )
        self.norm_out = GroupNorm(width, groups)
        if stride == 4:
            self.conv_out: nn.Module = nn.Sequential(
                nn.Conv2d(width, width, 3, stride=2, padding=1),
                Residual(width, width, groups),
                nn.Conv2d(width, width, 3, stride=2, padding=1),
            )
        else:
            self.conv_out = nn.Conv2d(width, width, 3, stride=2 if stride == 8 else 1, padding=1)
        self.ada = Upsampled(width, groups) if stride == 32 else nn.Identity()

    def forward(self, codes: Tensor, progress: Progress) -> Tensor:
        """Vectors of the codes [B,D,H/stride,W/stride] -> [B,C,H/16,W/16]."""
        h = self.conv_in(codes)
        # Layer by layer, so that what the first one was given is not kept in memory.
        for layer in self.block:
            h = layer(h)
            progress.layer_done()
        return self.ada(self.conv_out(self.norm_out.activated(h)))
