"""Training pictures: a folder read once into memory, random crops from it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

SUFFIXES = {".avif", ".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
HELD_OUT_ONE_IN = 32


class PictureFolder:
    """All pictures below a folder, split by the hash of their names into training and held-out ones.

    Each picture is kept at full and, where large enough, at half size: a codec meets the same object near and far.

    Args:
        folder: searched recursively.
        exclude: names of folders to leave out, for example those whose licence does not allow shipped weights.
        smallest_side: pictures with a shorter side are passed over.

    Raises:
        FileNotFoundError: if no usable picture is found.
    """

    def __init__(self, folder: Path, *, exclude: tuple[str, ...] = (), smallest_side: int = 128) -> None:
        self.training: list[Tensor] = []
        self.held_out: list[Tensor] = []
        self.num_files = 0
        for path in sorted(folder.rglob("*")):
            inside = path.relative_to(folder)
            if path.suffix.lower() not in SUFFIXES or set(inside.parts) & set(exclude):
                continue
            with Image.open(path) as opened:
                picture = opened.convert("RGB")
            if min(picture.size) < smallest_side:
                continue
            self.num_files += 1
            # By name without the part behind the last "_": crops of one photograph stay on one side of the split.
            group = hashlib.sha256(inside.stem.rpartition("_")[0].encode() or inside.stem.encode()).digest()
            target = self.held_out if group[0] % HELD_OUT_ONE_IN == 0 else self.training
            target.append(_to_bytes(picture))
            if min(picture.size) >= 2 * smallest_side:
                target.append(_to_bytes(picture.reduce(2)))
        if not self.training:
            raise FileNotFoundError(f"no picture of at least {smallest_side} pixels a side below {folder}")
        # Large pictures hold more crops; the square root keeps small ones from never being seen.
        areas = torch.tensor([float(p.shape[1] * p.shape[2]) for p in self.training])
        self.weights = areas.sqrt() / areas.sqrt().sum()

    def crops(self, count: int, side: int, generator: torch.Generator) -> Tensor:
        """Random crops, flipped and transposed at random: float32 [count,3,side,side] in [-1,1]."""
        out = torch.empty(count, 3, side, side)
        for i in range(count):
            picture = self._pick(side, generator)
            top = _randint(picture.shape[1] - side + 1, generator)
            left = _randint(picture.shape[2] - side + 1, generator)
            crop = picture[:, top : top + side, left : left + side].float() / 127.5 - 1
            turn = _randint(8, generator)
            if turn & 1:
                crop = crop.flip(2)
            if turn & 2:
                crop = crop.flip(1)
            if turn & 4:
                crop = crop.transpose(1, 2)
            out[i] = crop
        return out

    def validation_crops(self, count: int, side: int) -> Tensor:
        """The centres of the first held-out pictures that are large enough, always the same ones."""
        large = [p for p in self.held_out if min(p.shape[1:]) >= side][:count]
        if not large:
            raise FileNotFoundError(f"no held-out picture of at least {side} pixels a side; add pictures")
        centres = []
        for p in large:
            top, left = (p.shape[1] - side) // 2, (p.shape[2] - side) // 2
            centres.append(p[:, top : top + side, left : left + side])
        return torch.stack(centres).float() / 127.5 - 1

    def _pick(self, side: int, generator: torch.Generator) -> Tensor:
        if all(min(picture.shape[1:]) < side for picture in self.training):
            raise FileNotFoundError(f"no training picture of at least {side} pixels a side; add larger pictures")
        while True:
            picture = self.training[int(torch.multinomial(self.weights, 1, generator=generator))]
            if min(picture.shape[1:]) >= side:
                return picture


def _to_bytes(picture: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1).contiguous()


def _randint(high: int, generator: torch.Generator) -> int:
    return int(torch.randint(high, (), generator=generator))
