"""From the Hub to a picture: the engine downloads tiny models in the real formats and codes with each of them."""

from __future__ import annotations

import functools
import io
import json
import shutil
import threading
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from hub_server import HubServer
from huggingface_hub import hf_hub_download
from released_cdc import released_checkpoint
from released_cod import formula_weights, tiny_transformer_shape
from tiny_models import tiny_ddpm, tiny_stable_diffusion, tiny_taesd

import app
from diffdemo.cli import parser
from diffdemo.codecs.base import Codec
from diffdemo.codecs.diffc import DiffC
from diffdemo.coding.container import write_bitstream
from diffdemo.engine import Engine, Limits, catalogue
from diffdemo.errors import (
    CorruptBitstream,
    DownloadError,
    MemoryBudgetError,
    ModelMismatch,
    RateError,
    TruncatedBitstream,
    WeightsError,
    WorkLimitError,
)
from diffdemo.hub.library import Library
from diffdemo.images import Pixels, to_png
from diffdemo.models import registry
from diffdemo.models.cod.shape import CodShape
from diffdemo.models.spec import MB, HubSource, Kind, ModelSpec
from diffdemo.pictures import load_picture
from diffdemo.ui.studio.menu import Menu
from diffdemo.ui.studio.opening import Waiting
from diffdemo.ui.turns import Turns

PIXELS = registry.model_spec("ddpm-cat-256").sources[0].files
LATENTS = registry.model_spec("sd-1.5").sources[0].files
LATENTS_XL = registry.model_spec("sdxl").sources[0].files
PREVIEW = registry.model_spec("sd-1.5").sources[1].files


def spec(name: str, kind: Kind, *sources: HubSource) -> ModelSpec:
    native = 16 if kind is Kind.PIXEL else 64
    return ModelSpec(
        name, name, "diffc", kind, "MIT", "noise", "Made up.", 1000, MB, 100 * MB, native=native, sources=sources
    )


SPECS = (
    spec("pixels", Kind.PIXEL, HubSource("tiny/pixels", PIXELS)),
    spec("pickled", Kind.PIXEL, HubSource("tiny/pickled", PIXELS)),
    spec(
        "latents",
        Kind.LATENT,
        HubSource("tiny/latents", LATENTS),
        HubSource("tiny/preview", PREVIEW, folder="preview"),
    ),
    spec("xl", Kind.LATENT, HubSource("tiny/xl", LATENTS_XL)),
    replace(
        spec("cod", Kind.COD, HubSource("tiny/cod", registry.model_spec("cod-lite-0.0156").sources[0].files)),
        codec="cod-lite",
        native=None,
    ),
    replace(
        spec(
            "pretrained",
            Kind.COD_PRETRAINED,
            HubSource("tiny/cod", registry.model_spec("cod-lite-pretrain").sources[0].files),
        ),
        native=None,
    ),
    replace(
        spec(
            "on-pixels",
            Kind.COD_PRETRAINED,
            HubSource("tiny/cod", registry.model_spec("cod-pixel").sources[0].files),
        ),
        native=None,
    ),
)
PIXEL_SHAPE = tiny_transformer_shape(32, 32)
PRETRAINED_SHAPE = CodShape(32, 4, 32, 2, 1, 1, 4, 32, 8, 32)
COD_SHAPE = CodShape(16, 4, 32, 2, 1, 1, 4, 32, 8, 32)
"""The narrowest that has 32 groups everywhere, as the released ones have."""
CDC = "folder/image-l2-use_weight5-vimeo-d8-t8193-b0.0128-x-cosine-01-float32-aux0.0_2.pt"
CDC_EPSILON = "folder/big-l1-vimeo-d8-t20000-b0.1024-vbrFalse-noise-linear-aux0.9lpips_0.pt"


def pickled(checkpoint: object) -> bytes:
    out = io.BytesIO()
    torch.save(checkpoint, out)
    return out.getvalue()


def _iterates(shape: CodShape) -> dict[str, torch.Tensor]:
    """The average over iterates, and the last one, which nobody is to use."""
    return {
        prefix + key: tensor + number
        for number, prefix in enumerate(("ema_denoiser.", "denoiser."))
        for key, tensor in formula_weights(shape).items()
    }


@functools.cache
def repositories() -> dict[str, dict[str, bytes]]:
    """What lies on the Hub: the same for all tests, for it takes longer to make than to download."""
    cod = {f"net.{key}": tensor for key, tensor in formula_weights(COD_SHAPE).items()}
    pretrained = _iterates(PRETRAINED_SHAPE)
    return {
        "tiny/pixels": tiny_ddpm(),
        "tiny/pickled": tiny_ddpm(safetensors=False, learned_variance=True, names_of_2022=True),
        "tiny/latents": tiny_stable_diffusion(prediction_type="v_prediction"),
        "tiny/xl": tiny_stable_diffusion(xl=True),
        "tiny/preview": tiny_taesd(),
        "tiny/cod": {
            "CoD_Lite_bpp_0_0156.pt": pickled({"module": cod}),
            "CoD_Lite_bpp_0_0156.yaml": b"noise_level: 0",
            "CoD_Lite_pretrain.pt": pickled({"state_dict": pretrained}),
            "cod/CoD_pixel_vpred.pt": pickled({"state_dict": _iterates(PIXEL_SHAPE)}),
        },
        "tiny/cdc": {
            CDC: pickled(released_checkpoint("x", 8, lpips=True)),
            CDC_EPSILON: pickled(released_checkpoint("epsilon", 8)),
        },
    }


@pytest.fixture
def stocked(hub: HubServer, home: object) -> HubServer:
    for name, files in repositories().items():
        hub.add(name, files)
    return hub


@pytest.fixture
def make_engine(stocked: HubServer, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Engine]:
    monkeypatch.setattr(catalogue, "Library", lambda: Library(SPECS, HubSource("tiny/cdc", ())))
    return lambda **options: Engine(device="cpu", **options)


@pytest.fixture
def engine(make_engine: Callable[..., Engine]) -> Engine:
    return make_engine()


@pytest.fixture(scope="module")
def picture() -> Pixels:
    y, x = np.mgrid[0:40, 0:72]
    return np.stack([x * 3, y * 6, 220 - x - y], axis=2).astype(np.uint8)


def fetched(engine: Engine, model: str) -> None:
    *_, last = engine.download(model)
    assert last.done
    assert engine.model(model).is_here


MODELS = {
    "pixels": (16, 16),
    "pickled": (16, 16),
    "latents": (40, 72),
    "xl": (40, 72),
    "cdc-x-b0.0128": (40, 72),
    "cdc-eps-b0.1024-lpips": (40, 72),
    "cod": (40, 72),
    "pretrained": (40, 72),
    "on-pixels": (40, 72),
}


@pytest.mark.parametrize(("model", "shape"), MODELS.items())
def test_download_encode_decode(engine, picture, model, shape):
    with pytest.raises(WeightsError, match=f"python -m diffdemo download {model}"):
        list(engine.encode(picture, model=model))
    fetched(engine, model)
    *_, last = engine.encode(picture, model=model, num_bytes=600, preset="fast")
    assert last.frame.pixels.shape == (*shape, 3)
    assert len(last.data) <= 600
    info = engine.describe(last.data)
    assert (info.model, info.fingerprint) == (model, engine.model(model).fingerprint)
    codec = next(codec for codec in engine.codecs() if codec.name == info.codec)
    for decoder in codec.decoders:
        *_, frame = Engine(device="cpu").decode(last.data, decoder=decoder, steps=2 if info.codec == "cdc" else None)
        assert frame.pixels.shape == (*shape, 3)
        assert (frame.decoder, frame.num_bytes) == (decoder, len(last.data))


def test_another_computer_decodes_the_same_picture(make_engine, picture):
    here, there = make_engine(), make_engine()
    fetched(here, "latents")
    *_, sent = here.encode(picture, model="latents", num_bytes=300, prompt="a cat")
    *_, seen = there.decode(sent.data)
    assert np.array_equal(seen.pixels, sent.frame.pixels)
    assert there.describe(sent.data).facts["prompt"] == "a cat"


def test_a_prompt_is_for_those_who_read(engine, picture):
    fetched(engine, "pixels")
    for model in ("pixels", "cdc-small", "photo-small"):
        with pytest.raises(RateError, match="takes no prompt"):
            list(engine.encode(picture, model=model, prompt="a cat"))


def test_the_ceiling_is_that_of_the_autoencoder(engine, picture):
    fetched(engine, "latents")
    *_, last = engine.encode(picture, model="latents", num_bytes=1500)
    ceiling = engine.ceiling(picture, "latents")
    assert ceiling is not None
    assert 3 < ceiling < 40
    assert last.frame.psnr_db < ceiling + 1
    assert engine.ceiling(picture, "photo-small") is None
    assert engine.ceiling(picture, "cdc-small") is None


def test_the_picture_is_fitted_and_the_note_says_so(engine, picture):
    fitted = engine.fit(picture, "pixels")
    assert fitted.pixels.shape == (16, 16, 3)
    assert "16 x 16" in fitted.note
    assert engine.fit(picture, "photo-small").pixels is picture


def test_who_lacks_the_model_is_told_which_one_and_offered_it(engine, make_engine, stocked, picture):
    fetched(engine, "pixels")
    *_, last = engine.encode(picture, model="pixels", num_bytes=200)
    assert engine.remove("pixels") > 1000
    elsewhere = make_engine()
    assert elsewhere.describe(last.data).model is None
    with pytest.raises(ModelMismatch, match="model 'pixels', which is not on this computer"):
        list(elsewhere.decode(last.data))
    writer = elsewhere.who_wrote(last.data)
    assert writer is not None
    assert (writer.name, writer.is_here) == ("pixels", False)
    fetched(elsewhere, writer.name)
    assert [*elsewhere.decode(last.data)][-1].pixels.shape == (16, 16, 3)


def test_a_model_that_nobody_knows(engine):
    strange = write_bitstream(
        codec_id=1, fingerprint=b"\xde\xad\xbe\xef", width=8, height=8, parameters=(0, 1, 50), payload=b"\x55" * 40
    )
    assert engine.who_wrote(strange) is None
    with pytest.raises(ModelMismatch, match=r"deadbeef, which is not .* could not be found out.*photo-small"):
        list(engine.decode(strange))


def test_models_make_room_for_one_another_and_one_too_large_is_refused(make_engine, picture, monkeypatch):
    loads: list[str] = []
    real = DiffC.load

    def noted(spec: ModelSpec, *rest: object) -> Codec:
        loads.append(spec.name)
        return real(spec, *rest)

    monkeypatch.setattr(DiffC, "load", noted)
    engine = make_engine(memory=150 * MB)
    for model in ("pixels", "pickled"):
        fetched(engine, model)
    for model in ("pixels", "pixels", "pickled", "pixels"):
        list(engine.encode(picture, model=model, num_bytes=100, preset="fast"))
    assert loads == ["pixels", "pickled", "pixels"]
    with pytest.raises(MemoryBudgetError, match=r"photo-small' needs about 1\.0 GB.*is here: pixels, pickled"):
        list(engine.encode(picture, model="photo-small"))


def test_loading_a_model_holds_up_nobody_else(engine, picture, monkeypatch):
    fetched(engine, "pixels")
    *_, mine = engine.encode(picture, num_bytes=400, preset="fast")
    is_loading, may_load = threading.Event(), threading.Event()
    real = DiffC.load

    def slow(*args: object) -> Codec:
        is_loading.set()
        assert may_load.wait(300)
        return real(*args)

    monkeypatch.setattr(DiffC, "load", slow)
    other = threading.Thread(target=lambda: list(engine.encode(picture, model="pixels", num_bytes=100)))
    other.start()
    try:
        assert is_loading.wait(300)
        assert engine.preview(mine.data, 400) is not None
        assert engine.describe(mine.data).model == registry.DEFAULT_MODEL
        assert [*engine.decode(mine.data, decoder="flow")][-1].pixels.shape == picture.shape
        assert engine.models()[0].is_here
    finally:
        may_load.set()
        other.join()


def test_memory_that_runs_out_is_told_in_words(engine, picture, monkeypatch):
    fetched(engine, "pixels")

    def exhausted(*args: object) -> Codec:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    monkeypatch.setattr(DiffC, "load", exhausted)
    with pytest.raises(MemoryBudgetError, match="not enough memory for the model 'pixels'"):
        list(engine.encode(picture, model="pixels"))


def test_the_preferred_model_is_used_once_it_is_here(make_engine, picture):
    engine = make_engine(model="pixels")
    assert engine.default_model == registry.DEFAULT_MODEL
    engine.warm_up()
    assert engine.default_model == "pixels"
    *_, last = engine.encode(picture, num_bytes=100, preset="fast")
    assert engine.describe(last.data).model == "pixels"
    assert [c.default_model for c in engine.codecs()] == ["pixels", "cdc-small", "cod-lite-0.0312"]
    with pytest.raises(WeightsError, match="no model 'nonesuch'"):
        make_engine(model="nonesuch")


def test_a_fixed_server_offers_what_was_preloaded_and_nothing_else(make_engine, stocked, picture, caplog):
    for path in tiny_ddpm():
        hf_hub_download("tiny/pixels", path)
    hf_hub_download("tiny/cdc", CDC)
    hf_hub_download("tiny/pickled", "config.json")
    engine = make_engine(is_fixed=True)
    menu = Menu(engine, Turns())

    def offered(codec: str) -> list[str]:
        return [name for _, name in menu.refresh(codec, None, "", Waiting()).model["choices"]]

    assert (offered("diffc"), offered("cdc")) == (["photo-small-2", "photo-small"], ["cdc-small"])
    stocked.calm()
    with caplog.at_level("INFO", "diffdemo"):
        app.adopt_preloaded(engine)
    assert (offered("diffc"), offered("cdc")) == (
        ["photo-small-2", "photo-small", "pixels"],
        ["cdc-small", "cdc-x-b0.0128"],
    )
    assert "'pixels' was preloaded and can be used now." in caplog.text
    assert stocked.count("cdn", "GET") == 0
    *_, last = engine.encode(picture, model="pixels", num_bytes=100, preset="fast")
    assert engine.describe(last.data).model == "pixels"
    with pytest.raises(DownloadError, match="fetches no models for its visitors"):
        engine.download("latents")


def test_what_cannot_be_adopted_is_told_and_keeps_nothing_else_from_it(make_engine, stocked, caplog):
    for name in ("tiny/pixels", "tiny/pickled"):
        for path in stocked.repositories[name].files:
            hf_hub_download(name, path)
    stocked.add("tiny/pixels", tiny_ddpm(learned_variance=True))
    engine = make_engine(is_fixed=True)
    app.adopt_preloaded(engine)
    assert "'pixels' lies in the cache of the Hub, but not as the Hub has it now" in caplog.text
    assert [info.name for info in engine.models()] == ["photo-small-2", "photo-small", "cdc-small", "pickled"]


def test_what_is_shipped_stays(engine):
    with pytest.raises(WeightsError, match="comes with diffdemo"):
        engine.remove("photo-small")
    assert [p.done for p in engine.download("photo-small")] == [True]


def test_the_command_line_from_download_to_picture(make_engine, picture, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("diffdemo.engine.Engine", make_engine)
    source, file, out = tmp_path / "a.png", tmp_path / "a.difd", tmp_path / "b.png"
    source.write_bytes(to_png(picture))
    encode = ["encode", str(source), "-o", str(file), "--model", "latents", "--bytes", "300", "--prompt", "a cat"]
    assert parser.main(encode) == 1
    assert "python -m diffdemo download latents" in capsys.readouterr().err
    assert not file.exists()
    assert parser.main(["download", "latents"]) == 0
    assert parser.main([*encode, "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["prompt"] == "a cat"
    assert parser.main(["info", str(file)]) == 0
    assert "a cat" in capsys.readouterr().out
    assert parser.main(["decode", str(file), "-o", str(out), "--decoder", "flow"]) == 0
    assert load_picture(out).pixels.shape == picture.shape


def test_the_command_line_says_how_a_picture_was_fitted(make_engine, picture, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("diffdemo.engine.Engine", make_engine)
    source = tmp_path / "a.png"
    source.write_bytes(to_png(picture))
    assert parser.main(["download", "pixels"]) == 0
    assert (
        parser.main(["encode", str(source), "-o", str(tmp_path / "a.difd"), "--model", "pixels", "--bytes", "99"]) == 0
    )
    assert "Cut and scaled from 72 x 40 to 16 x 16 pixels" in capsys.readouterr().out


def test_files_of_other_programs(engine, picture):
    fetched(engine, "cod")
    file = engine.encode_foreign(picture, file_format="cod", model="cod")
    assert (file.width, file.height) == (80, 48)
    assert file.note == "The file's picture is filled up to 80 x 48 pixels: it holds no others."
    assert len(file.data) == 4 + 5 * 3 // 2 + 1
    (frame,) = engine.decode_foreign(file.data, file_format="cod", model="cod")
    assert (frame.pixels.shape, frame.num_bytes, frame.decoder) == ((48, 80, 3), len(file.data), "deterministic")
    *_, own = engine.decode(*[moment.data for moment in engine.encode(picture, model="cod")])
    assert np.abs(frame.pixels[:40, :72].astype(int) - own.pixels).max() <= 1
    assert engine.encode_foreign(frame.pixels, file_format="cod", model="cod").note == ""


def test_files_of_other_programs_that_cannot_be(engine, picture):
    with pytest.raises(RateError, match="DiffC has no file format 'cod' beside its own"):
        engine.encode_foreign(picture, file_format="cod", model="pixels")
    with pytest.raises(RateError, match="CoD-Lite has no file format 'png'; choose one of: cod"):
        engine.decode_foreign(b"", file_format="png", model="cod")
    with pytest.raises(WeightsError, match="python -m diffdemo download cod"):
        engine.encode_foreign(picture, file_format="cod", model="cod")
    with pytest.raises(WeightsError, match="There is no model 'nonesuch'"):
        engine.encode_foreign(picture, file_format="cod", model="nonesuch")
    fetched(engine, "cod")
    data = engine.encode_foreign(picture, file_format="cod", model="cod").data
    with pytest.raises(TruncatedBitstream, match="ends after 11 of 12 bytes"):
        engine.decode_foreign(data[:-1], file_format="cod", model="cod")
    with pytest.raises(CorruptBitstream, match="written with another one, or is damaged"):
        engine.decode_foreign(data + b"more", file_format="cod", model="cod")
    with pytest.raises(RateError, match="CoD-Lite, which has no decoder 'flow'"):
        engine.decode_foreign(data, file_format="cod", model="cod", decoder="flow")


def test_limits_hold_for_files_of_other_programs(make_engine, picture):
    engine = make_engine(limits=Limits(pixels=1000))
    fetched(engine, "cod")
    small = engine.encode_foreign(picture, file_format="cod", model="cod")
    assert "Made smaller, to 42 x 23: at most 1,000 pixels" in small.note
    assert (small.width, small.height) == (48, 32)
    with pytest.raises(WorkLimitError, match="holds 48 x 32 pixels; at most 1,000 are decoded here"):
        engine.decode_foreign(small.data, file_format="cod", model="cod")
    hasty = make_engine(limits=Limits(seconds=1e-9))
    with pytest.raises(WorkLimitError, match="Compressing 72 x 40 pixels would take"):
        hasty.encode_foreign(picture, file_format="cod", model="cod")
    with pytest.raises(WorkLimitError, match="Decoding this file"):
        hasty.decode_foreign(small.data, file_format="cod", model="cod")


@pytest.fixture(scope="module")
def cod_home(tmp_path_factory):
    """What HF_HOME holds after the download of `cod`, empty until somebody has done that."""
    return tmp_path_factory.mktemp("cod") / "home"


@pytest.fixture
def cod_line(make_engine, home, cod_home, picture, tmp_path, monkeypatch, capsys):
    """A picture, and a command line that has the model `cod`: downloaded once, and copied."""
    monkeypatch.setattr("diffdemo.engine.Engine", make_engine)
    (tmp_path / "a.png").write_bytes(to_png(picture))
    if cod_home.exists():
        shutil.copytree(cod_home, home, symlinks=True)
    else:
        assert parser.main(["download", "cod"]) == 0
        shutil.copytree(home, cod_home, symlinks=True)
    capsys.readouterr()
    return tmp_path


def test_the_command_line_writes_and_reads_files_of_other_programs(cod_line, capsys):
    source, file, out = cod_line / "a.png", cod_line / "a.cod", cod_line / "out.png"
    chosen = ["--format", "cod", "--model", "cod"]
    assert parser.main(["encode", str(source), "-o", str(file), *chosen, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["codec"], report["format"], report["model"]) == ("cod-lite", "cod", "cod")
    assert (report["width"], report["height"], report["num_bytes"]) == (80, 48, 12)
    assert report["num_bytes"] == file.stat().st_size
    assert report["notes"] == ["The file's picture is filled up to 80 x 48 pixels: it holds no others."]
    assert parser.main(["decode", str(file), "-o", str(out), *chosen, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["width"], report["height"], report["num_bytes"], report["num_frames"]) == (80, 48, 12, 1)
    assert load_picture(out).pixels.shape == (48, 80, 3)
    frames = cod_line / "frames"
    assert parser.main(["decode", str(file), "-o", str(out), *chosen, "--frames", str(frames)]) == 0
    assert (frames / "frame-0001.png").read_bytes() == out.read_bytes()


@pytest.mark.parametrize(
    ("command", "options", "message"),
    [
        ("encode", ["--format", "cod"], "DiffC has no file format 'cod' beside its own."),
        ("encode", ["--format", "jxl", "--model", "cod"], "CoD-Lite has no file format 'jxl'; choose one of: cod."),
        (
            "encode",
            ["--format", "cod", "--model", "cod", "--bpp", "1"],
            "The format 'cod' knows no --bpp; please leave",
        ),
        ("encode", ["--format", "cod", "--model", "cod", "--seed", "1"], "The format 'cod' knows no --seed"),
        ("decode", ["--format", "cod"], "does not say which model wrote it; please name it with --model."),
        ("decode", ["--format", "cod", "--model", "pixels"], "DiffC has no file format 'cod'"),
        ("decode", ["--format", "cod", "--model", "cod", "--bytes", "9"], "The format 'cod' knows no --bytes"),
        ("decode", ["--format", "cod", "--model", "cod", "--gamma", "1"], "CoD-Lite, which has no decoder"),
        ("decode", ["--format", "cod", "--model", "cod", "--steps", "2"], "CoD-Lite, which does not read --steps"),
        ("decode", ["--format", "cod", "--model", "cod"], "The file claims 20617 x 18254 pixels"),
        ("decode", ["--model", "cod"], "The file itself names its model; please leave out --model"),
    ],
)
def test_the_command_line_refuses_what_makes_no_file_of_another_program(command, options, message, cod_line, capsys):
    out = cod_line / "out.png"
    assert parser.main([command, str(cod_line / "a.png"), "-o", str(out), *options]) == 1
    said = capsys.readouterr()
    assert message in said.err
    assert said.err.count("\n") == 1
    assert not out.exists()
