"""FID and KID: how far a set of pictures is from the originals to a network that has learned to name what is in them.

Sources: Heusel et al. 2017, "GANs trained by a two time-scale update rule converge to a local Nash equilibrium"
(arXiv:1706.08500); Binkowski et al. 2018, "Demystifying MMD GANs" (arXiv:1801.01401); on patches of 256 x 256, twice
with the grid shifted by half a patch, as Mentzer et al. 2020, "High-fidelity generative image compression"
(arXiv:2006.09965). A picture with a shorter side than that is one patch of it, so that squares of 64 or 32 are whole.

The network is that of December 2015, by the package `torch-fidelity`, which also scales to 299 x 299 as TensorFlow did;
FID of other features or another scaling is another number. The weights lie where `torch.hub` keeps what it has
downloaded. Nothing is fetched from here; see `HOW_TO_GET`. The package would execute what is in a file of weights, and
the whole of it needs torchvision: one module is imported, and it is given the tensors only.
"""

from __future__ import annotations

import importlib
import io
import sys
import types
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from diffdemo.errors import WeightsError
from diffdemo.images import Pixels
from diffdemo.metrics.published_weights import State, checkpoint, folder_of, how_to_get, network_of
from diffdemo.metrics.sets.patches import Distance, Features, Matrix, squared_mmd

PATCH = 256
"""Side of a patch in pixels, at most."""
FEATURES = 2048
"""Of a patch: the last layer before the names, averaged over places."""
TRUNK = "weights-inception-2015-12-05-6726825d.pth"
TRUNK_SHA256 = "6726825d"
"""What the digest of the file begins with, as its name says."""
HOW_TO_GET = (
    "pip install --no-deps torch-fidelity",
    how_to_get(TRUNK, "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/"),
)
"""Commands for the network, and for its weights, 96 MB. The first leaves out torchvision, which is not needed."""
_BATCH = 16


def patch_features(pixels: Pixels) -> Features:
    """Describe the patches of a picture, uint8 [H,W,3].

    Returns:
        float16 [patches, FEATURES].

    Raises:
        WeightsError: the network is not here, see `missing`.
    """
    network = _network()
    if isinstance(network, str):
        raise WeightsError(network)
    patches = torch.from_numpy(np.stack(list(_patches(pixels)))).permute(0, 3, 1, 2)
    with torch.inference_mode():
        features: Features = torch.cat([network(some)[0] for some in patches.split(_BATCH)]).numpy().astype(np.float16)
    return features


def _patches(pixels: Pixels) -> list[Pixels]:
    side = min(PATCH, *pixels.shape[:2])
    return [
        pixels[top : top + side, left : left + side]
        for start in (0, side // 2)
        for top in range(start, pixels.shape[0] - side + 1, side)
        for left in range(start, pixels.shape[1] - side + 1, side)
    ]


def fid(originals: Sequence[Features], others: Sequence[Features]) -> Distance | None:
    """Frechet distance of two Gaussians with the means and covariances of all patches (Heusel et al. 2017, eq. 6).

    Of few patches it is far too large, and falls with their number: only sets of equally many can be compared.

    Returns:
        None with fewer than two patches.
    """
    if sum(map(len, originals)) < 2:
        return None
    (mean_x, x), (mean_y, y) = (_mean_and_root(np.concatenate(side).astype(np.float64)) for side in (originals, others))
    # The trace of (X'X Y'Y)^(1/2) is the sum of the singular values of XY'.
    overlap = np.linalg.svd(x @ y.T, compute_uv=False).sum()
    value = ((mean_x - mean_y) ** 2).sum() + (x**2).sum() + (y**2).sum() - 2 * overlap
    return Distance(max(0.0, float(value)), None, len(originals))


def _mean_and_root(features: Matrix) -> tuple[Matrix, Matrix]:
    """Mean of rows, and a triangular R with R'R their covariance."""
    mean = features.mean(axis=0)
    return mean, np.asarray(np.linalg.qr((features - mean) / np.sqrt(len(features) - 1), mode="r"))


def kid(originals: Sequence[Features], others: Sequence[Features]) -> Distance | None:
    """Squared maximum mean discrepancy of the features; None with fewer than two pictures."""
    if len(originals) < 2:
        return None
    return squared_mmd(*([each.astype(np.float64) for each in side] for side in (originals, others)))


def missing() -> str:
    """Why neither can be measured here, in a sentence; "" if they can."""
    network = _network()
    return network if isinstance(network, str) else ""


def _network() -> torch.nn.Module | str:
    """The network, loaded once in a process; in its stead the reason why there is none."""
    if folder_of("torch_fidelity") is None:
        return "The package torch-fidelity, which has the network of FID and KID, is not installed."
    return network_of(_built, checkpoint(TRUNK), "Inception of 2015", TRUNK_SHA256)


def _built(state: State) -> torch.nn.Module:
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    try:
        network: torch.nn.Module = _module().FeatureExtractorInceptionV3("inception", [str(FEATURES)], file)
    except RuntimeError as error:
        raise WeightsError(f"The weights for FID are not those of Inception of 2015: {error}.") from error
    return network


def _module() -> Any:
    """The one module of the package, without what the package itself imports."""
    place = folder_of("torch_fidelity")
    known = sys.modules.get("torch_fidelity")
    if known is None:
        sys.modules["torch_fidelity"] = types.ModuleType("torch_fidelity")
        sys.modules["torch_fidelity"].__path__ = [str(place)]
    try:
        return importlib.import_module("torch_fidelity.feature_extractor_inceptionv3")
    finally:
        if known is None:
            del sys.modules["torch_fidelity"]
