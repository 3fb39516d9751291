"""The codebook of CoD-Lite: vectors into codes, and back.

Source: van den Oord, Vinyals, Kavukcuoglu 2017, "Neural discrete representation learning" (arXiv:1711.00937).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

ROWS_AT_A_TIME = 1 << 14
"""Vectors whose distances from all codes are in memory together: 32 MiB in float64 for 256 codes."""


class Quantiser(nn.Module):
    """A table of 2^bits vectors."""

    def __init__(self, codes: int, channels: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(codes, channels)

    def indices(self, z: Tensor) -> Tensor:
        """The nearest code of each vector, the first one if several are: [B,D,h,w] -> int64 [B,h,w] on the CPU.

        Distances are Euclidean and computed in float64, so that neither the device nor the order of sums decides.
        """
        batch, channels, height, width = z.shape
        vectors = z.permute(0, 2, 3, 1).reshape(-1, channels).cpu().double()
        codes = self.embedding.weight.detach().cpu().double()
        lengths = codes.square().sum(dim=1)
        # The length of the vector itself is the same for all codes.
        nearest = [(lengths - 2 * part @ codes.T).argmin(dim=1) for part in vectors.split(ROWS_AT_A_TIME)]
        # A product of matrices may sum columns that are equal in orders that are not.
        first = (codes[:, None] == codes).all(dim=2).byte().argmax(dim=1)
        return first[torch.cat(nearest)].view(batch, height, width)

    def vectors(self, indices: Tensor) -> Tensor:
        """What codes stand for: int64 [B,h,w] -> [B,D,h,w], channels last in memory."""
        return self.embedding(indices).permute(0, 3, 1, 2)
