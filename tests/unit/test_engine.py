"""The engine with the shipped model: caches, limits, streams, and what happens when someone walks away."""

from __future__ import annotations

import numpy as np
import pytest

from diffdemo.codecs.rendering import Decoder
from diffdemo.coding.container import write_bitstream
from diffdemo.engine import Engine
from diffdemo.engine.decode_cache import Moment, Trace, TraceCache
from diffdemo.errors import BitstreamError, ImageError, ModelMismatch, RateError
from diffdemo.images import Pixels
from diffdemo.metrics.distortion import psnr_db
from diffdemo.models.registry import RETIRED
from tests.golden import shipped
from tests.golden.cases import FOLDER


@pytest.fixture(scope="module")
def pixels() -> Pixels:
    y, x = np.mgrid[0:64, 0:80]
    return np.stack([x * 3, y * 4, 250 - x - y], axis=2).astype(np.uint8)


@pytest.fixture(scope="module")
def data(engine: Engine, pixels: Pixels) -> bytes:
    return list(engine.encode(pixels, num_bytes=900, preset="fast"))[-1].data


def test_encode_streams_valid_files_that_grow(engine, pixels):
    moments = list(engine.encode(pixels, num_bytes=900, preset="fast", seed=3))
    assert moments[-1].done
    assert not any(m.done for m in moments[:-1])
    assert len(moments[0].data) < len(moments[-1].data) <= 900
    for moment in moments:
        assert moment.frame.num_bytes == len(moment.data)
        assert moment.frame.psnr_db == pytest.approx(psnr_db(pixels, moment.frame.pixels))
        assert not engine.describe(moment.data).is_cut


def test_preview_is_what_a_decode_of_the_same_bytes_gives(engine, data):
    steps = engine.describe(data).steps
    middle = steps[len(steps) // 2]
    preview = engine.preview(data, middle.end_bytes)
    decoded = list(Engine().decode(data, num_bytes=middle.end_bytes))[-1]
    assert preview is not None
    assert np.array_equal(preview.pixels, decoded.pixels)


def test_preview_of_an_unknown_file_is_none(data):
    assert Engine().preview(data, len(data)) is None


def test_decode_uses_what_was_computed_before(engine, data):
    fresh = list(Engine().decode(data))[-1]
    cached = list(engine.decode(data))[-1]
    assert cached.num_steps < fresh.num_steps
    assert np.array_equal(cached.pixels, fresh.pixels)


def test_every_step_yields_every_step(engine, data):
    frames = list(engine.decode(data, every_step=True))
    assert len(frames) == len(engine.describe(data).steps) + 1
    assert [f.num_bytes for f in frames] == sorted(f.num_bytes for f in frames)


def test_curve_needs_the_original_and_takes_it_when_it_comes(data, pixels):
    engine = Engine()
    list(engine.decode(data))
    assert engine.curve(data) == []
    list(engine.decode(data, reference=pixels))
    curve = engine.curve(data)
    assert len(curve) == len(engine.describe(data).steps)
    assert curve[-1].psnr_db > curve[0].psnr_db


def test_time_is_estimated_from_what_was_timed(pixels):
    engine = Engine()
    assert engine.estimate_seconds(5120) is None
    list(engine.encode(pixels, num_bytes=600, preset="fast"))
    once = engine.estimate_seconds(5120, preset="fast")
    assert once is not None
    assert once > 0
    assert engine.estimate_seconds(10240, preset="fast") == pytest.approx(2 * once)
    assert engine.estimate_seconds(5120, preset="best") > once


def test_walking_away_leaves_nothing_locked(engine, pixels, data):
    stream = engine.encode(pixels, num_bytes=900, preset="fast")
    next(stream)
    stream.close()
    decoding = engine.decode(data, decoder="ancestral")
    next(decoding)
    decoding.close()
    assert list(engine.decode(data))


def test_two_users_advance_side_by_side(engine, pixels):
    first = engine.encode(pixels, num_bytes=600, preset="fast", seed=1)
    second = engine.encode(pixels, num_bytes=600, preset="fast", seed=2)
    next(first), next(second)
    assert list(first)[-1].done
    assert list(second)[-1].done


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"bpp": -1.0}, RateError, "positive"),
        ({"bpp": float("nan")}, RateError, "positive"),
        ({"num_bytes": 0}, RateError, "positive"),
        ({"num_bytes": 10}, RateError, "too few"),
        ({"preset": "slow"}, RateError, "fast, balanced, best"),
        ({"seed": -4}, RateError, "seed"),
    ],
)
def test_impossible_targets_are_refused_in_words(engine, pixels, settings, error, words):
    with pytest.raises(error, match=words):
        list(engine.encode(pixels, **settings))


@pytest.mark.parametrize("shape", [(0, 5, 3), (5, 5), (5, 5, 4), (3000, 3000, 3)])
def test_impossible_pictures_are_refused(engine, shape):
    with pytest.raises(ImageError):
        list(engine.encode(np.zeros(shape, np.uint8)))


def test_decode_refuses_what_it_cannot_do(engine, data, pixels):
    with pytest.raises(RateError, match="mean, flow, ancestral"):
        engine.decode(data, decoder="median")
    with pytest.raises(RateError, match="between 0 and 1"):
        engine.decode(data, decoder="flow", realism=1.5)
    with pytest.raises(ImageError, match="cannot be compared"):
        engine.decode(data, reference=pixels[:-1])
    with pytest.raises(BitstreamError):
        engine.decode(b"")
    with pytest.raises(BitstreamError):
        engine.decode(data, num_bytes=7)


def test_files_of_other_weights_are_named(engine, data):
    from diffdemo.coding.container import read_bitstream, write_bitstream

    header = read_bitstream(data).header
    foreign = write_bitstream(
        codec_id=1,
        fingerprint=b"\xde\xad\xbe\xef",
        width=header.width,
        height=header.height,
        parameters=header.parameters,
        payload=data[-200:],
        version=header.version,
    )
    with pytest.raises(ModelMismatch, match=r"deadbeef.*photo-small"):
        engine.decode(foreign)
    info = engine.describe(foreign)
    assert info.model is None
    assert info.fingerprint == "deadbeef"


@pytest.mark.parametrize("version", [1, 2])
def test_files_of_both_versions_are_named_by_the_shipped_model(engine, version):
    """Version 1 names the weights by what they were called before they had a spectrum."""
    case = next(case for case in shipped.CASES if (case.codec_name, case.version) == ("diffc", version))
    data = (FOLDER / f"{case.name}.difd").read_bytes()
    info = engine.describe(data)
    assert (info.version, info.model, info.facts["preset"]) == (version, "photo-small", "fast")
    *_, last = engine.decode(data)
    assert last.pixels.shape == (48, 64, 3)
    assert (info.fingerprint == engine.model("photo-small").fingerprint) == (version == 2)


def test_a_damaged_file_is_a_picture_and_said_to_be_damaged(engine, data, pixels):
    damaged = bytearray(data)
    damaged[len(data) // 2] ^= 4
    assert engine.describe(bytes(damaged)).is_damaged
    assert list(engine.decode(bytes(damaged)))[-1].pixels.shape == pixels.shape


def test_describe_tells_received_from_missing(engine, data):
    info = engine.describe(data[:400])
    assert info.is_cut
    assert info.whole_bytes == len(data)
    received = [s.received for s in info.steps]
    assert received == sorted(received, reverse=True)
    assert info.steps[0].received
    assert not info.steps[-1].received


def test_examples_are_there(engine):
    for example in engine.examples():
        picture = engine.example_pixels(example.name)
        assert picture.dtype == np.uint8
        file = engine.example_file(example.name)
        assert file is not None
        assert (engine.describe(file).height, engine.describe(file).width) == picture.shape[:2]
    with pytest.raises(ImageError, match="chelsea"):
        engine.example_pixels("lena")


def test_traces_are_bounded(monkeypatch):
    monkeypatch.setattr("diffdemo.engine.decode_cache.TRACE_BYTES", 40_000)
    monkeypatch.setattr("diffdemo.engine.decode_cache.CACHE_BYTES", 60_000)
    import torch

    from diffdemo.codecs.diffc import State

    cache = TraceCache()
    for file in range(6):
        trace = Trace()
        for number in range(1, 60):
            z = torch.zeros(1, 3, 8, 8)
            trace.add(
                Moment(number, number * 10, 1.0, np.zeros((8, 8, 3), np.uint8), {}, Decoder.MEAN),
                State(z, 1.0, z, number, number * 10),
            )
        assert trace.num_bytes <= 40_000
        assert trace.moments[-1].number == 59
        assert trace.states[-1].number == 59
        cache.put(bytes([file]), trace)
    held = [file for file in range(6) if cache.get(bytes([file])) is not None]
    assert 0 < len(held) <= 2
    assert 5 in held


@pytest.mark.parametrize("fingerprint", RETIRED)
def test_files_of_weights_that_were_replaced_say_which_version_decodes_them(engine, fingerprint):
    name, version = RETIRED[fingerprint]
    old = write_bitstream(
        codec_id=1, fingerprint=bytes.fromhex(fingerprint), width=8, height=8, parameters=(0, 1, 50), payload=bytes(40)
    )
    with pytest.raises(ModelMismatch, match=rf"earlier weights of '{name}'.*diffdemo {version}"):
        list(engine.decode(old))
    assert fingerprint not in {info.fingerprint for info in engine.models()}


def test_a_rehearsed_file_is_known(data, pixels):
    fresh = Engine()
    assert fresh.preview(data, len(data)) is None
    assert all(nothing is None for nothing in fresh.rehearse(data, reference=pixels))
    frame = fresh.preview(data, len(data))
    assert frame is not None
    assert frame.psnr_db == pytest.approx(psnr_db(pixels, frame.pixels))


def test_an_encode_goes_on_where_it_was_stopped(pixels):
    whole = Engine()
    *_, wanted = whole.encode(pixels, num_bytes=900, preset="fast", seed=3)
    encoding = whole.encode(pixels, num_bytes=900, preset="fast", seed=3)
    begun = next(encoding).data
    encoding.close()
    for engine in (whole, Engine()):  # With what it remembers, and on a server that has been started since.
        *_, done = engine.encode(pixels, num_bytes=900, begun=begun)
        assert done.data == wanted.data
        assert done.frame.psnr_db == pytest.approx(wanted.frame.psnr_db)
        assert len(engine.curve(done.data)) == len(engine.describe(done.data).steps), "steps of before are known too"
    with pytest.raises(RateError, match="in one piece"):
        *_, file = whole.encode(pixels, codec="cdc", bpp=1.0)
        list(whole.encode(pixels, codec="cdc", bpp=2.0, begun=file.data))


def test_a_file_is_measured_against_the_original_that_is_given(data, pixels):
    engine = Engine()
    for original in (pixels, 255 - pixels, pixels):
        *_, frame = engine.decode(data, reference=original)
        assert engine.curve(data)[-1].psnr_db == pytest.approx(frame.psnr_db)
