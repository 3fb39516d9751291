"""Training pictures: a folder or archive read once into memory, random crops from it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from diffdemo.training.archive import decoded, pictures_in
from diffdemo.training.variation import exposed_otherwise, farther, reduced

READERS = 8
"""Threads that decode pictures: the decoders let go of Python's lock."""
HELD_OUT_ONE_IN = 32


class PictureFolder:
    """All pictures of a folder or archive, split by the hash of their names into training and held-out ones.

    Each picture is kept at full and, where large enough, at half size: a codec meets the same object near and far.

    Args:
        data: folder, searched recursively, or an archive written by `archive.pack`.
        exclude: names of folders to leave out, for example those whose licence does not allow shipped weights.
        smallest_side: pictures with a shorter side are passed over.
        halvings: how often a training picture is halved at most, as long as its sides stay that long; held-out ones
            always once.

    Raises:
        FileNotFoundError: if no usable picture is found.
        DiffDemoError: if a picture cannot be read, or `data` is a file of another kind.
    """

    def __init__(
        self, data: Path, *, exclude: tuple[str, ...] = (), smallest_side: int = 128, halvings: int = 1
    ) -> None:
        self.training: list[Tensor] = []
        self.held_out: list[Tensor] = []
        self.num_files = 0

        def read(source: tuple[PurePosixPath, bytes]) -> tuple[bool, list[Tensor]]:
            held_out = _is_held_out(source[0])
            return held_out, _scales(decoded(*source), smallest_side, 1 if held_out else halvings)

        with ThreadPoolExecutor(READERS) as pool:
            for held_out, scales in pool.map(read, pictures_in(data, exclude=exclude)):
                self.num_files += bool(scales)
                (self.held_out if held_out else self.training).extend(scales)
        if not self.training:
            raise FileNotFoundError(f"no picture of at least {smallest_side} pixels a side in {data}")
        # Large pictures hold more crops; the square root keeps small ones from never being seen.
        areas = torch.tensor([float(p.shape[1] * p.shape[2]) for p in self.training])
        self.weights = areas.sqrt() / areas.sqrt().sum()

    def to(self, device: torch.device) -> PictureFolder:
        """Move all pictures, so that crops are cut where they are used; the same object."""
        self.training = [picture.to(device) for picture in self.training]
        self.held_out = [picture.to(device) for picture in self.held_out]
        return self

    def crops(self, count: int, side: int, generator: torch.Generator, varied: float = 0.0) -> Tensor:
        """Random crops, flipped and transposed at random: float32 [count,3,side,side] in [-1,1].

        Args:
            count: how many.
            side: of each.
            generator: one of the CPU wherever the pictures are: the same crops everywhere.
            varied: the share of crops that are seen from farther away, and that of crops exposed otherwise
                (`variation`); the two are independent of each other.
        """
        cut = []
        for _ in range(count):
            picture = self._pick(side, generator)
            seen = farther(side, min(picture.shape[1:]), generator) if _happens(varied, generator) else side
            top = _randint(picture.shape[1] - seen + 1, generator)
            left = _randint(picture.shape[2] - seen + 1, generator)
            crop = reduced(picture[:, top : top + seen, left : left + seen], side)
            if _happens(varied, generator):
                crop = exposed_otherwise(crop, generator)
            turn = _randint(8, generator)
            flipped = [axis for axis, flag in ((2, 1), (1, 2)) if turn & flag]
            if flipped:
                crop = crop.flip(flipped)
            cut.append(crop.transpose(1, 2) if turn & 4 else crop)
        return torch.stack(cut).float() / 127.5 - 1

    def validation_crops(self, count: int, side: int) -> Tensor:
        """The centres of the first held-out pictures that are large enough, always the same ones."""
        large = [p for p in self.held_out if min(p.shape[1:]) >= side][:count]
        if not large:
            raise FileNotFoundError(f"no held-out picture of at least {side} pixels a side; add pictures")
        return centres(large, side)

    def _pick(self, side: int, generator: torch.Generator) -> Tensor:
        if all(min(picture.shape[1:]) < side for picture in self.training):
            raise FileNotFoundError(f"no training picture of at least {side} pixels a side; add larger pictures")
        while True:
            picture = self.training[int(torch.multinomial(self.weights, 1, generator=generator))]
            if min(picture.shape[1:]) >= side:
                return picture


def centres(pictures: Sequence[Tensor], side: int) -> Tensor:
    """The middles of pictures uint8 [3,H,W], all at least so large: float32 [N,3,side,side] in [-1,1]."""
    cut = []
    for each in pictures:
        top, left = (each.shape[1] - side) // 2, (each.shape[2] - side) // 2
        cut.append(each[:, top : top + side, left : left + side])
    return torch.stack(cut).float() / 127.5 - 1


def _to_bytes(picture: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1).contiguous()


def _is_held_out(inside: PurePosixPath) -> bool:
    """By name without the part behind the last "_": crops of one photograph stay on one side of the split."""
    group = hashlib.sha256(inside.stem.rpartition("_")[0].encode() or inside.stem.encode()).digest()
    return group[0] % HELD_OUT_ONE_IN == 0


def _scales(picture: Image.Image, smallest_side: int, halvings: int) -> list[Tensor]:
    """The picture, its half, ... as uint8 [3,H,W]; none at all if it is too small."""
    scales: list[Tensor] = []
    while min(picture.size) >= smallest_side and len(scales) <= halvings:
        scales.append(_to_bytes(picture))
        picture = picture.reduce(2)
    return scales


def _happens(share: float, generator: torch.Generator) -> bool:
    return share > 0 and float(torch.rand((), generator=generator)) < share


def _randint(high: int, generator: torch.Generator) -> int:
    return int(torch.randint(high, (), generator=generator))
