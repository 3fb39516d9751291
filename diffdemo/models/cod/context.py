"""From the codes of CoD-Lite to what the one-step decoder is told: a map of features, one for each 16x16 pixels."""

from __future__ import annotations

from itertools import chain

from torch import Tensor, nn

from diffdemo.models.cod.layers import WINDOW, GroupNorm, Residual, WindowAttention, costs, num_weights
from diffdemo.models.cod.shape import CodShape
from diffdemo.models.evaluation import Parts


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

    def __init__(self, shape: CodShape, attentions: int = 2, window: int | None = WINDOW) -> None:
        super().__init__()
        width, groups, stride = shape.width, shape.groups, shape.stride
        pairs = ((Residual(width, width, groups), WindowAttention(width, groups, window)) for _ in range(attentions))
        self.conv_in = nn.Conv2d(shape.code_channels, width, 3, padding=1)
        self.block = nn.Sequential(*chain.from_iterable(pairs), Residual(width, width, groups))
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

    def costs(self, codes: int) -> list[int]:
        """Multiplications of each block, and of what follows them, for so many codes."""
        following = self.conv_out if isinstance(self.conv_out, nn.Sequential) else [self.conv_out]
        each = [*costs([*self.block, *following], codes)]
        count = len(self.block)
        return [*each[:count], sum(each[count:]) + 4 * codes * num_weights(self.ada)]

    def decoding(self, codes: Tensor) -> Parts[Tensor]:
        """Vectors of the codes [B,D,H/stride,W/stride] -> [B,C,H/16,W/16]."""
        h = self.conv_in(codes)
        *each, following = self.costs(codes.shape[0] * codes.shape[2] * codes.shape[3])
        # Layer by layer, so that what the first one was given is not kept in memory.
        for layer, cost in zip(self.block, each, strict=True):
            h = layer(h)
            yield cost
        h = self.ada(self.conv_out(self.norm_out.activated(h)))
        yield following
        return h
