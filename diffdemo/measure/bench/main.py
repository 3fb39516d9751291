"""Speed, memory, and what real coding costs over the ideal, measured on this machine.

    python -m diffdemo bench [channel] [codec] [drift] [cdc] [--json]
    python -m diffdemo bench [cod] [load] [networks] [compile] [theory] [views] [pyramid] [steps] [prior] [rounding]
    python -m diffdemo bench files PICTURE ... [--bpp 1.0] [--json]
    python -m diffdemo bench denoise DIR [--model NAME] [--json]
    python -m diffdemo bench against TREE [PICTURE ...] [--bpp 0.05 0.5 ...] [--preset fast ...] [--json]

The second form builds the networks of the Hub's models with random weights and times them, CoD-Lite as a whole codec
beside a plain convolution, sets many clients at once beside one after the other, tries torch.compile,
sets real files beside the closed forms of Gaussian sources, counts what mirrored views, lower resolutions, more steps
and priors that know more are worth, and what CDC gains by pricing bits when it rounds. `files` codes pictures of your
own with every preset, and says for each file what an ideal one would take. `denoise` sets the network beside published
denoisers (`bench/denoisers/denoise.py`). `against` sets this tree beside an earlier
checkout (`bench/against.py`).

Times are only comparable within one run. Every line of the report stands for one measurement, printed as it is taken.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from diffdemo.codecs.diffc import DiffC
from diffdemo.codecs.diffc_picture import denoiser_of, evaluations_at, own_state
from diffdemo.codecs.records import Encoded, Preset, Target
from diffdemo.codecs.rendering import Rendering
from diffdemo.diffusion.denoiser import Denoiser
from diffdemo.diffusion.views import MAX_VIEWS
from diffdemo.engine.examples import example_centre, example_pixels
from diffdemo.engine.hardware.device import choose_device, describe_device
from diffdemo.engine.store import load_shipped
from diffdemo.images import Pixels, to_image, to_pixels
from diffdemo.measure.bench.against import bench_against
from diffdemo.measure.bench.cdc import Row, bench_cdc
from diffdemo.measure.bench.channel import bench_channel
from diffdemo.measure.bench.cod import bench_cod
from diffdemo.measure.bench.denoisers.denoise import bench_denoise
from diffdemo.measure.bench.denoisers.networks import bench_compile, bench_networks
from diffdemo.measure.bench.denoisers.pyramid import bench_pyramid
from diffdemo.measure.bench.ideal import bench_views, ideal_chain
from diffdemo.measure.bench.load import bench_load
from diffdemo.measure.bench.prior import bench_prior
from diffdemo.measure.bench.rounding import bench_rounding
from diffdemo.measure.bench.steps import bench_steps
from diffdemo.measure.bench.theory import bench_theory
from diffdemo.measure.bench.usage import peak_mebibytes
from diffdemo.metrics.distortion import psnr_db
from diffdemo.models.registry import DEFAULT_MODEL
from diffdemo.models.space import PixelSpace
from diffdemo.pictures import load_picture


def main(argv: list[str]) -> int:
    """Run the chosen measurements; returns the exit status."""
    parser = argparse.ArgumentParser(prog="diffdemo bench", description=__doc__.splitlines()[0])
    parser.add_argument(
        "parts",
        nargs="*",
        metavar="PART",
        help=f"any of {', '.join(PARTS)} (default: these), {', '.join(ON_REQUEST)}, `files PICTURE ...`, "
        "`denoise DIR`, or `against TREE [PICTURE ...]`",
    )
    parser.add_argument(
        "--bpp", type=float, nargs="+", default=[1.0], help="rates for `files` and `against` (default: 1.0)"
    )
    parser.add_argument(
        "--model",
        metavar="NAME",
        help=f"for `denoise` (default: {DEFAULT_MODEL}) and `against` (default: each tree's own)",
    )
    parser.add_argument(
        "--preset", type=Preset, choices=Preset, nargs="+", default=list(Preset), help="for `against` (default: all)"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    args = parser.parse_args(argv)
    if args.parts[:1] == ["files"]:
        _print(bench_files(args.parts[1:], args.bpp), "files", as_json=args.json)
        return 0
    if args.parts[:1] == ["denoise"]:
        if len(args.parts) != 2:
            parser.error("`denoise` takes one folder of pictures")
        _print(bench_denoise(Path(args.parts[1]), args.model or DEFAULT_MODEL), "denoise", as_json=args.json)
        return 0
    if args.parts[:1] == ["against"] and len(args.parts) > 1:
        rows = bench_against(Path(args.parts[1]), args.parts[2:], args.bpp, args.preset, args.model)
        _print(rows, "against", as_json=args.json)
        return 0
    known = PARTS | ON_REQUEST
    unknown = [part for part in args.parts if part not in known]
    if unknown:
        parser.error(f"there is no measurement '{unknown[0]}'; choose from {', '.join(known)}")
    if not args.json:
        print(f"{describe_device(choose_device('auto'))}, PyTorch {torch.__version__}")
    for part in args.parts or PARTS:
        _print(known[part](), part, as_json=args.json)
    return 0


def bench_codec() -> Iterator[Row]:
    """Whole files of the shipped model: time, memory, and bits against an ideal chain of 80 steps."""
    codec = load_shipped(DiffC, choose_device("auto"))
    small = example_centre("astronaut", 256)
    large = np.array(Image.fromarray(example_pixels("coffee")).resize((768, 512), Image.Resampling.LANCZOS))
    next(codec.encode_progressively(small, Target(num_bytes=2000)))
    for name, pixels, bpp, presets in (
        ("256x256", small, 1.0, tuple(Preset)),
        ("256x256", small, 0.35, tuple(Preset)),
        ("768x512", large, 0.5, (Preset.BALANCED,)),
    ):
        for preset in presets:
            yield {"picture": name, "target bpp": bpp, **_codec_row(codec, pixels, bpp, preset)}


def _codec_row(codec: DiffC, pixels: Pixels, bpp: float, preset: Preset) -> Row:
    height, width = pixels.shape[:2]
    timed = _Timed(codec.space.denoiser())
    watched = DiffC(
        PixelSpace(timed, most_views=MAX_VIEWS, spectrum=codec.space.spectrum), fingerprint=codec.fingerprint
    )
    began, first = time.perf_counter(), 0.0
    target = Target(num_bytes=int(bpp * width * height / 8))
    moments: list[Encoded] = []
    for progress in watched.encode_progressively(pixels, target, preset=preset):
        first = first or time.perf_counter() - began
        moments[:] = [progress]
    seconds = time.perf_counter() - began
    data, state = moments[0].data, own_state(moments[0].picture.state)
    head = codec.open(data).head
    ideal, ideal_picture = ideal_chain(denoiser_of(codec.space, head), to_image(pixels), state.sigma)
    row: Row = {
        "preset": preset.value,
        "bytes": len(data),
        "PSNR dB": psnr_db(pixels, to_pixels(state.x_hat)),
        "bits": 8 * len(data),
        "ideal bits": round(ideal),
        "file / ideal": 8 * len(data) / ideal,
        "ideal PSNR dB": psnr_db(pixels, to_pixels(ideal_picture)),
        "residual variance": float(((state.z - to_image(pixels)) / state.sigma).var()),
        "evaluations": sum(evaluations_at(s.sigma, codec.space, head) for s in codec.open(data).steps()),
        "encode s": seconds,
        "first preview s": first,
        "network share": timed.seconds / seconds,
    }
    for decoder in DiffC.decoders:
        began = time.perf_counter()
        for _ in codec.decode(data, Rendering(decoder)):
            pass
        row[f"decode {decoder.value} s"] = time.perf_counter() - began
    row["peak MiB"] = peak_mebibytes()
    return row


def bench_files(paths: list[str], rates: list[float]) -> Iterator[Row]:
    """Files of the given pictures with every preset, each against the ideal of its own picture and noise level."""
    codec = load_shipped(DiffC, choose_device("auto"))
    for path in paths:
        pixels = load_picture(path).pixels
        for preset, bpp in product(Preset, rates):
            yield {"picture": path, "target bpp": bpp, **_codec_row(codec, pixels, bpp, preset)}


def bench_drift() -> Iterator[Row]:
    """What a decoder loses whose network differs: noise on its output, or half precision throughout."""
    codec = load_shipped(DiffC, choose_device("auto"))
    pixels = example_centre("astronaut", 256)
    data = codec.encode(pixels, Target(num_bytes=8192))
    exact, network = _last(codec, data), codec.space.denoiser()
    for name, denoiser in (
        ("noise 1e-4", _Noisy(network, 1e-4)),
        ("noise 1e-3", _Noisy(network, 1e-3)),
        ("noise 1e-2", _Noisy(network, 1e-2)),
        ("bfloat16", _BFloat16(network)),
    ):
        space = PixelSpace(denoiser, most_views=MAX_VIEWS, spectrum=codec.space.spectrum)
        picture = _last(DiffC(space, fingerprint=codec.fingerprint), data)
        yield {
            "decoder": name,
            "PSNR loss dB": psnr_db(pixels, exact) - psnr_db(pixels, picture),
            "PSNR between dB": psnr_db(exact, picture),
        }


PARTS: dict[str, Callable[[], Iterator[Row]]] = {
    "channel": bench_channel,
    "codec": bench_codec,
    "drift": bench_drift,
    "cdc": bench_cdc,
}
ON_REQUEST: dict[str, Callable[[], Iterator[Row]]] = {
    "cod": bench_cod,
    "load": bench_load,
    "networks": bench_networks,
    "compile": bench_compile,
    "theory": bench_theory,
    "views": bench_views,
    "pyramid": bench_pyramid,
    "steps": bench_steps,
    "prior": bench_prior,
    "rounding": bench_rounding,
}
"""Those that take long, much memory or a compiler."""


class _Timed:
    """A denoiser that counts the seconds it takes."""

    def __init__(self, inner: Denoiser) -> None:
        self._inner = inner
        self.sigma_min = inner.sigma_min
        self.seconds = 0.0

    def denoise(self, z: Tensor, sigma: float) -> Tensor:
        began = time.perf_counter()
        x_hat = self._inner.denoise(z, sigma)
        self.seconds += time.perf_counter() - began
        return x_hat


class _Noisy:
    """A denoiser whose output is off by white noise."""

    def __init__(self, inner: Denoiser, deviation: float) -> None:
        self._inner = inner
        self.sigma_min = inner.sigma_min
        self._deviation = deviation
        self._generator = torch.Generator().manual_seed(0)

    def denoise(self, z: Tensor, sigma: float) -> Tensor:
        x_hat = self._inner.denoise(z, sigma)
        return x_hat + self._deviation * torch.randn(x_hat.shape, generator=self._generator).to(x_hat)


class _BFloat16:
    """A denoiser that computes with eight bits of mantissa."""

    def __init__(self, inner: Denoiser) -> None:
        self._inner = inner
        self.sigma_min = inner.sigma_min

    def denoise(self, z: Tensor, sigma: float) -> Tensor:
        with torch.autocast(z.device.type, dtype=torch.bfloat16):
            return self._inner.denoise(z, sigma).float()


def _last(codec: DiffC, data: bytes) -> Pixels:
    return to_pixels(list(codec.decode(data))[-1].image)


def _print(rows: Iterator[Row], part: str, *, as_json: bool) -> None:
    for row in rows:
        print(json.dumps({"part": part, **row}) if as_json else _line(part, row), flush=True)


def _line(part: str, row: Row) -> str:
    cells = [f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items()]
    return f"{part}: " + "  ".join(cells)
