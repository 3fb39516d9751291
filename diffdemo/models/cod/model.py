"""A CoD-Lite model: the networks of one of the six rates, ready to encode and decode."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from diffdemo.errors import WeightsError
from diffdemo.models.cod.network import CodNetwork
from diffdemo.models.cod.shape import CodShape, TransformerShape
from diffdemo.models.cod.table import TablePrecision, position_table
from diffdemo.models.cod.transformer import CodTransformer
from diffdemo.models.evaluation import Parts, evaluation_in_parts, finished
from diffdemo.models.weights import read_weights, require_finite, require_tensors

PURE_NOISE = 0.0
"""The time at which the one-step decoder works."""


def network_without_weights(shape: CodShape) -> CodNetwork | CodTransformer:
    """The networks of a shape, on no device."""
    with torch.device("meta"):
        return CodTransformer(shape) if isinstance(shape, TransformerShape) else CodNetwork(shape)


def read_cod(path: Path) -> tuple[CodNetwork | CodTransformer, str]:
    """The networks of a weight file, and its SHA-256. The weights are in memory once.

    Raises:
        WeightsError: missing, damaged, or of another architecture.
    """
    weights = read_weights(path)
    try:
        kind = TransformerShape if "heads" in weights.metadata else CodShape
        shape = kind.from_metadata(weights.metadata)
    except (KeyError, ValueError) as error:
        raise WeightsError(f"The weights '{path.name}' do not say which CoD-Lite model they are for.") from error
    network = network_without_weights(shape)
    require_tensors(network, weights.tensors, path.name)
    network.load_state_dict({key: tensor.float() for key, tensor in weights.tensors.items()}, assign=True)
    return network, weights.sha256


class CodModel:
    """Networks with weights, on a device, in evaluation mode.

    Attributes:
        shape: of the networks.
        sha256: hash of the weight file; its first four bytes stand in every file written with it.
        num_parameters: of all networks, those that only depend on the time included.
        table: which table of positions the decoder uses.

    Args:
        network: with its weights; the layers that depend on the time alone are taken out of it.
        sha256: see above.
        device: where to compute.
        table: see above; the released models were trained with that in bfloat16.

    Raises:
        WeightsError: a weight is not a finite number.
    """

    def __init__(
        self,
        network: CodNetwork,
        *,
        sha256: str,
        device: torch.device,
        table: TablePrecision = TablePrecision.BFLOAT16,
    ) -> None:
        require_finite(network, "CoD-Lite")
        self.shape = network.shape
        self.sha256 = sha256
        self.device = device
        self.table = table
        self.num_parameters = sum(parameter.numel() for parameter in network.parameters())
        network = network.eval().requires_grad_(False).to(device)
        self._modulations = network.modulations(PURE_NOISE)
        _drop_time(network)
        self._network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._positions = position_table(table).to(device)

    @classmethod
    def load(cls, path: Path, *, device: torch.device, table: TablePrecision = TablePrecision.BFLOAT16) -> CodModel:
        """Read weights written by `cod_released.convert`.

        Raises:
            WeightsError: missing, damaged, of another architecture, or not finite.
        """
        network, sha256 = read_cod(path)
        if not isinstance(network, CodNetwork):
            raise WeightsError(f"The weights '{path.name}' are not of a model of CoD-Lite, which decodes in one step.")
        return cls(network, sha256=sha256, device=device, table=table)

    @evaluation_in_parts
    @torch.inference_mode()
    def encoding(self, image: Tensor) -> Parts[Tensor]:
        """Codes of a picture.

        Args:
            image: [1,3,H,W] in [0,1], unlike everywhere else; sides multiples of `shape.multiple`.

        Returns:
            int64 [H/stride,W/stride] on the CPU, each below 2^bits.

        Raises:
            WeightsError: the weights are so large that the computation overflows.
        """
        z = yield from self._network.y_embedder.encoder.encoding(self._placed(image))
        _require_no_overflow(z)
        return self._network.y_embedder.bottleneck.indices(z)[0]

    @evaluation_in_parts
    @torch.inference_mode()
    def decoding(self, codes: Tensor) -> Parts[Tensor]:
        """The picture that codes stand for.

        Args:
            codes: int64 [h,w], each below 2^bits; h and w times the stride are multiples of `shape.multiple`.

        Returns:
            float32 [1,3,H,W] on the CPU, nominally in [-1,1].

        Raises:
            WeightsError: the weights are so large that the computation overflows.
        """
        placed = codes[None].to(self.device)
        picture = (yield from self._network.decoding(placed, self._modulations, self._positions)).cpu()
        _require_no_overflow(picture)
        return picture

    def codes(self, image: Tensor) -> Tensor:
        """What `encoding` comes to."""
        return finished(self.encoding(image))

    def picture(self, codes: Tensor) -> Tensor:
        """What `decoding` comes to."""
        return finished(self.decoding(codes))

    def cost_of_encoding(self, height: int, width: int) -> int:
        """Multiplications, for a picture of a size."""
        return sum(self._network.y_embedder.encoder.costs(height, width))

    def cost_of_decoding(self, codes: int) -> int:
        """Multiplications, for a picture of so many codes."""
        return sum(self._network.costs(codes))

    def _placed(self, tensor: Tensor) -> Tensor:
        return tensor.to(self.device).contiguous(memory_format=torch.channels_last)


def _drop_time(network: CodNetwork) -> None:
    """Free what depends on the time alone, a fifth of the weights."""
    network.t_embedder = nn.Identity()  # type: ignore[assignment]
    for block in network.blocks:
        block.adaLN_modulation = nn.Identity()


def _require_no_overflow(values: Tensor) -> None:
    if not bool(values.isfinite().all()):
        raise WeightsError("The weights of CoD-Lite overflow on this picture: they are not usable.")
