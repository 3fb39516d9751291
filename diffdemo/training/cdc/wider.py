"""A wider compressor from a trained one: what its latents leave out becomes new latents.

Most of a compressor's training goes into networks that hardly depend on how many latents there are. So a trained one is
kept, and new latents are taken from what its last stage knows of the picture and does not say: the reduced-rank
regression (Izenman 1975, "Reduced-rank regression for the multivariate linear model") of the missing picture on the
untold part of the last stage. Everything else is copied. New channels inside a block repeat old ones, so that its norms
hardly change; what leads from new channels begins near zero, so that the picture is at first what it was.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from diffdemo.errors import WeightsError
from diffdemo.models.cdc.compressor import Compressor
from diffdemo.models.cdc.layers import ResBlock
from diffdemo.models.cdc.model import CdcShape
from diffdemo.training.cdc.losses import Student
from diffdemo.training.cdc.start import LATENT_SCALE

SMALL = 0.02
RIDGE = 1e-4
"""Of the mean variance, added to all variances in a regression."""
BLOCK = 16
"""Side in pixels of what one position of the latents stands for."""


@torch.no_grad()
def fit_head(student: Student, crops: Tensor) -> None:
    """Make the plain decoder the linear function of the finest context that comes closest to the pictures.

    Weights of a whole model have none: it serves only in training.

    Args:
        student: network with trained weights.
        crops: [N,3,H,W] in [-1,1], sides multiples of 64.
    """
    compressor = student.network.compressor
    finest = [compressor.context(compressor.analyse(x)[0])[0] for x in crops.split(1)]
    pairs = [(_blocks(h, 1), _blocks(x, 1)) for h, x in zip(finest, crops.split(1), strict=True)]
    slope, offset = _regression(*(torch.cat(column) for column in zip(*pairs, strict=True)))
    student.head.weight.copy_(slope.T[:, :, None, None])
    assert student.head.bias is not None
    student.head.bias.copy_(offset)


@torch.no_grad()
def widened(student: Student, shape: CdcShape, crops: Tensor) -> Student:
    """Give a model more latents, and wider blocks in the context decoder; what it did before it still does.

    Args:
        student: trained, with a plain decoder.
        shape: of the result: equal to the student's but for `widths[3]` and `rising`, which may not be smaller.
        crops: [N,3,H,W] in [-1,1], sides multiples of 64; new latents are learned from them.

    Raises:
        WeightsError: if `shape` differs in more.
    """
    old_shape = student.network.shape
    added = shape.stages[3] - old_shape.stages[3]
    only_wider = added >= 0 and all(new >= old for new, old in zip(shape.blocks, old_shape.blocks, strict=True))
    if not only_wider or _fixed(shape) != _fixed(old_shape):
        raise WeightsError(
            f"Weights of widths {old_shape.stages}, {old_shape.blocks}, {old_shape.hyper_channels} cannot be made "
            f"those of {shape.stages}, {shape.blocks}, {shape.hyper_channels}: more latents and wider blocks of the "
            "context decoder are possible, nothing else."
        )
    wider = Student(shape)
    old, new = student.network.compressor, wider.network.compressor
    wider.head.load_state_dict(student.head.state_dict())
    wider.network.unet.load_state_dict(student.network.unet.state_dict())
    new.prior.load_state_dict(old.prior.state_dict())
    _grow_encoder(new, old)
    _grow_hyperprior(new, old)
    for to, of in zip(new.context_decoder, old.context_decoder, strict=True):
        _grow_stage(to, of)
    if added:
        _add_latents(new, student, crops)
    return wider


def _fixed(shape: CdcShape) -> tuple[Any, ...]:
    return shape.family, shape.width, shape.stages[:3], shape.hyper_channels


def _grow_encoder(new: Compressor, old: Compressor) -> None:
    for to, of in zip(list(new.encoder)[:3], list(old.encoder)[:3], strict=True):
        to.load_state_dict(of.state_dict())
    stages: Any = new.encoder[3], old.encoder[3]
    (to_block, to_down), (of_block, of_down) = stages
    _grow_block(to_block, of_block)
    if not isinstance(to_block.skip, nn.Identity):
        to_skip, of_skip = _skips(to_block, of_block)
        _grow(to_skip.weight, of_skip.weight, SMALL)
        _grow(to_skip.bias, of_skip.bias, 0)
    _grow(to_down.weight, of_down.weight, 0)
    _grow(to_down.bias, of_down.bias, 0)


def _grow_hyperprior(new: Compressor, old: Compressor) -> None:
    stages: Any = new.hyper_encoder, old.hyper_encoder
    to, of = stages
    _grow(to[0].weight, of[0].weight, 0)
    to[0].bias.copy_(of[0].bias)
    for number in (2, 4):
        to[number].load_state_dict(of[number].state_dict())
    stages = new.hyper_decoder, old.hyper_decoder
    to, of = stages
    for number in (0, 2):
        to[number].load_state_dict(of[number].state_dict())
    # Means and scales lie one behind the other.
    for half_to, half_of in zip(to[4].weight.chunk(2), of[4].weight.chunk(2), strict=True):
        _grow(half_to, half_of, 0)
    for half_to, half_of in zip(to[4].bias.chunk(2), of[4].bias.chunk(2), strict=True):
        _grow(half_to, half_of, 0)


def _grow_stage(to: Any, of: Any) -> None:
    """A stage of the context decoder: the new channels of its block carry what the old ones do not see."""
    (to_block, to_up), (of_block, of_up) = to, of
    if [each.shape for each in to.parameters()] == [each.shape for each in of.parameters()]:
        to.load_state_dict(of.state_dict())
        return
    _grow_block(to_block, of_block)
    _grow_skip(*_skips(to_block, of_block))
    _grow(to_up.weight, of_up.weight, SMALL)
    to_up.bias.copy_(of_up.bias)


def _skips(to: ResBlock, of: ResBlock) -> tuple[Any, Any]:
    if not (isinstance(to.skip, nn.Conv2d) and isinstance(of.skip, nn.Conv2d)):
        raise WeightsError("A block that is as wide as its input cannot be widened, nor a narrower one become so.")
    return to.skip, of.skip


def _grow_skip(to: Any, of: Any) -> None:
    _grow(to.weight, of.weight, 0)
    _grow(to.bias, of.bias, 0)
    rows, inputs = of.weight.shape[:2]
    seen = to.weight[:rows, :, 0, 0].double()
    unseen = torch.eye(to.weight.shape[1], dtype=torch.float64) - torch.linalg.pinv(seen) @ seen
    # New latents come first.
    candidates = torch.cat([unseen[:, inputs:], unseen[:, :inputs]], dim=1)[:, : len(to.weight) - rows]
    basis = torch.linalg.qr(candidates)[0].T
    to.weight[rows : rows + len(basis)] = basis.float()[:, :, None, None]


def _grow_block(to: ResBlock, of: ResBlock) -> None:
    """All of a block but its skip connection."""
    repeated = torch.arange(to.first.conv.out_channels) % of.first.conv.out_channels
    for part_to, part_of in ((to.first, of.first), (to.second, of.second)):
        inputs = part_of.conv.in_channels
        part_to.conv.weight.mul_(SMALL)
        part_to.conv.weight[:, :inputs] = part_of.conv.weight[repeated]
        assert part_to.conv.bias is not None
        assert part_of.conv.bias is not None
        part_to.conv.bias.copy_(part_of.conv.bias[repeated])
        part_to.norm.gain.copy_(part_of.norm.gain[repeated])
        part_to.norm.bias.copy_(part_of.norm.bias[repeated])
    first_new = of.second.conv.out_channels
    to.second.norm.gain[first_new:] = SMALL
    to.second.norm.bias[first_new:] = 0


def _grow(to: Tensor, of: Tensor, rest: float) -> None:
    """Copy a tensor into the first corner of a larger one; what lies outside shrinks to a fraction `rest`."""
    to.mul_(rest)
    to[tuple(slice(0, length) for length in of.shape)] = of


def _add_latents(new: Compressor, student: Student, crops: Tensor) -> None:
    """Rows of the last convolution that send what is missing."""
    old = student.network.compressor
    columns = [_what_is_known_told_and_missing(student, x) for x in crops.split(1)]
    known, told, missing = (torch.cat(column) for column in zip(*columns, strict=True))
    from_told, offset = _regression(told, known)
    untold = known - told @ from_told - offset
    slope, _ = _regression(untold, missing)
    explained = untold @ slope
    count = old.channels
    added = new.channels - count
    _, directions = torch.linalg.eigh(explained.T @ explained)
    projection = LATENT_SCALE * slope @ directions.flip(1)[:, :added]
    latents = untold @ projection

    ends: Any = old.encoder[3], new.encoder[3], new.hyper_decoder[4]
    (_, of), (_, to), predicted = ends
    said = from_told @ projection
    inputs = of.in_channels
    rows = torch.zeros(added, inputs, 3, 3, dtype=torch.float64)
    # Of three positions with stride two, the last two are the block's own.
    rows[:, :, 1:, 1:] = projection.T.reshape(added, inputs, 2, 2)
    rows -= torch.einsum("on,oihw->nihw", said, of.weight.double())
    to.weight[count:, :inputs] = rows.float()
    to.bias[count:] = (-(of.bias.double() @ said) - offset @ projection - latents.mean(dim=0)).float()
    predicted.bias[new.channels + count :] = latents.std(dim=0).float()


def _what_is_known_told_and_missing(student: Student, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """For each position of the latents: the last stage's 2x2 block, the latents, and the picture's error, float64."""
    compressor = student.network.compressor
    h = x
    for stage in list(compressor.encoder)[:3]:
        h = stage(h)
    last: Any = compressor.encoder[3]
    h = last[0](h)
    y = last[1](h)
    error = x - student.head(compressor.context(y)[0])
    return _blocks(h, 2), _blocks(y, 1), _blocks(error, BLOCK)


def _blocks(h: Tensor, side: int) -> Tensor:
    """[1,C,H,W] -> [positions, C * side * side], float64."""
    return F.unfold(h, side, stride=side)[0].T.double()


def _regression(of: Tensor, on: Tensor) -> tuple[Tensor, Tensor]:
    """Slope [A,B] and offset [B] of the linear function of `of` [N,A] that comes closest to `on` [N,B]."""
    middle_of, middle_on = of.mean(dim=0), on.mean(dim=0)
    centred = of - middle_of
    square = centred.T @ centred
    square.diagonal().add_(RIDGE * square.diagonal().mean())
    slope = torch.linalg.solve(square, centred.T @ (on - middle_on))
    return slope, middle_on - middle_of @ slope
