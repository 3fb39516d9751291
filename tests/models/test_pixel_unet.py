"""UNet2DModels from their files: against diffusers' own loading and scheduler, of any size, and broken in many ways."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from tiny_models import Files, installed_in, tiny_ddpm

from diffdemo.diffusion.posterior import white_noise
from diffdemo.diffusion.vp import VpSchedule
from diffdemo.errors import WeightsError
from diffdemo.models.diffusers.pixel_unet import load_pixel_space
from diffdemo.models.space import Space

CPU = torch.device("cpu")
WEIGHTS = "diffusion_pytorch_model.safetensors"


def load(folder: Path, files: Files, dtype: torch.dtype = torch.float32) -> Space:
    return load_pixel_space(installed_in(folder, files), name="tiny", device=CPU, dtype=dtype)


def with_settings(files: Files, name: str, **settings: object) -> Files:
    return files | {name: json.dumps(json.loads(files[name]) | settings).encode()}


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction", "sample"])
@pytest.mark.parametrize("learned_variance", [False, True])
def test_agrees_with_diffusers(tmp_path, prediction, learned_variance):
    import diffusers

    files = tiny_ddpm(prediction_type=prediction, learned_variance=learned_variance)
    space = load(tmp_path, files)
    network = diffusers.UNet2DModel.from_pretrained(tmp_path, low_cpu_mem_usage=False)
    scheduler = diffusers.DDPMScheduler.from_pretrained(tmp_path)
    schedule = VpSchedule.from_config(scheduler.config)
    u = white_noise((1, 3, 16, 16), 1, stream=0)
    for timestep in (0, 300, 700):
        with torch.inference_mode():
            output = network(u, timestep).sample
        expected = scheduler.step(output, timestep, u).pred_original_sample
        sigma = math.exp(schedule.log_sigmas[timestep])
        x_hat = space.denoiser().denoise(math.sqrt(1 + sigma**2) * u, sigma)
        # What the network rounds is multiplied by sigma; how it rounds depends on the processor.
        assert (x_hat - expected).abs().max() < max(1e-5, 3e-6 * sigma)


@pytest.mark.parametrize("options", [{"safetensors": False}, {"names_of_2022": True}], ids=str)
def test_every_format_holds_the_same_network(tmp_path, options):
    z = white_noise((1, 3, 16, 16), 2, stream=0)
    plain = load(tmp_path / "plain", tiny_ddpm()).denoiser().denoise(z, 0.5)
    assert torch.equal(load(tmp_path / "other", tiny_ddpm(**options)).denoiser().denoise(z, 0.5), plain)


def test_released_layout(tmp_path):
    """Pickled, with the names of 2022, and the scheduler in its folder."""
    files = dict(tiny_ddpm(safetensors=False, names_of_2022=True))
    files["scheduler/scheduler_config.json"] = files.pop("scheduler_config.json")
    space = load(tmp_path, files)
    assert (space.channels, space.factor, space.takes_prompt) == (3, 1, False)
    assert space.num_bytes == 4 * space.num_parameters > 100_000
    assert space.sigma_min == pytest.approx(0.01, rel=1e-3)


@pytest.mark.parametrize("size", [(1, 1), (3, 17), (16, 16), (31, 50)])
@pytest.mark.parametrize("sigma", [0.001, 0.5, 150.0, 300.0])
def test_any_size_and_level(tmp_path, size, sigma):
    denoiser = load(tmp_path, tiny_ddpm()).denoiser()
    x_hat = denoiser.denoise(sigma * white_noise((1, 3, *size), 3, stream=0), sigma)
    assert x_hat.shape == (1, 3, *size)
    assert x_hat.dtype == torch.float32
    assert x_hat.abs().max() <= 1


def test_half_precision_is_close(tmp_path):
    z = white_noise((1, 3, 16, 16), 4, stream=0)
    single = load(tmp_path / "single", tiny_ddpm())
    half = load(tmp_path / "half", tiny_ddpm(), torch.bfloat16)
    x_hat = half.denoiser().denoise(z, 0.5)
    assert x_hat.dtype == torch.float32
    assert 0 < (x_hat - single.denoiser().denoise(z, 0.5)).abs().max() < 0.05
    assert half.num_bytes == single.num_bytes / 2


@pytest.mark.parametrize("missing", ["config.json", "scheduler_config.json", WEIGHTS])
def test_missing_file_is_named(tmp_path, missing):
    files = dict(tiny_ddpm())
    del files[missing]
    with pytest.raises(WeightsError, match=rf"'tiny' is incomplete: {missing} is missing"):
        load(tmp_path, files)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"_class_name": "UNet2DConditionModel"}, "holds a UNet2DConditionModel"),
        ({"num_class_embeds": 10}, "class of a picture"),
        ({"class_embed_type": "timestep"}, "class of a picture"),
        ({"time_embedding_type": "fourier"}, "'fourier'"),
        ({"in_channels": 1, "out_channels": 1}, "turns 1 channels into 1"),
        ({"out_channels": 4}, "turns 3 channels into 4"),
        ({"norm_num_groups": 7}, "describes no network"),
        ({"down_block_types": ["DownBlock2D", "PianoBlock2D"]}, "describes no network"),
        ({"block_out_channels": [8, 24]}, r"tensors differ, .*needs \("),
        ({"layers_per_block": 2}, "tensors differ"),
    ],
    ids=str,
)
def test_other_architectures_are_refused(tmp_path, settings, said):
    with pytest.raises(WeightsError, match=said):
        load(tmp_path, with_settings(tiny_ddpm(), "config.json", **settings))


@pytest.mark.parametrize("data", [b"", b"{", b"[1, 2]", b"\xff\xfe"])
@pytest.mark.parametrize("name", ["config.json", "scheduler_config.json"])
def test_damaged_configuration(tmp_path, name, data):
    with pytest.raises(WeightsError, match="configuration"):
        load(tmp_path, tiny_ddpm() | {name: data})


def test_damaged_weights(tmp_path):
    files = tiny_ddpm()
    with pytest.raises(WeightsError, match="damaged"):
        load(tmp_path, files | {WEIGHTS: files[WEIGHTS][:1000]})
