"""Whether a training learned its pictures by heart: what it gained on them, and on pictures that it has never seen.

Two sets of pictures are never equally hard, so that the errors of one network on both say little. But of two networks,
one trained for longer, what has been gained on both can be compared: at equal rates of gain nothing is by heart.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from diffdemo.models.photo import read_photo_unet
from diffdemo.training.diffc.criterion import validate
from diffdemo.training.gain import rate_change
from diffdemo.training.pictures import PictureFolder, centres

SIDE = 256
CPU = torch.device("cpu")


def gains(
    data: Path, before: Path, after: Path, *, most: int, exclude: tuple[str, ...] = ()
) -> list[tuple[str, int, float]]:
    """Change of the ideal rate at equal PSNR from one network to another, as fractions.

    Args:
        data: folder or archive of pictures, as for training.
        before, after: weights.
        most: pictures of either kind.
        exclude: names of sub-folders to leave out.

    Returns:
        For training and for held-out pictures: what they are, how many, and the change.

    Raises:
        WeightsError: missing, damaged, or of another architecture.
        FileNotFoundError: there are no pictures of a kind.
    """
    pictures = PictureFolder(data, exclude=exclude, smallest_side=SIDE, halvings=0)
    networks = [read_photo_unet(path)[0].eval().to(memory_format=torch.channels_last) for path in (before, after)]  # type: ignore[call-overload]
    kinds = (("training", _spread(pictures.training, most)), ("held-out", pictures.held_out[:most]))
    changes = []
    for name, chosen in kinds:
        crops = centres(chosen, SIDE)
        first, second = (validate(network, crops, CPU) for network in networks)
        changes.append((name, len(crops), rate_change(second, first)))
    return changes


def _spread(pictures: Sequence[Tensor], most: int) -> list[Tensor]:
    """At most so many, evenly from all folders."""
    return list(pictures[:: max(1, len(pictures) // most)][:most])
