"""The engine on a GPU that is lent for each call, with a stand-in for the package that lends."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import wraps
from types import ModuleType
from typing import Any

import gradio as gr
import numpy as np
import pytest
from fakes import FakeEngine

from diffdemo.errors import DiffDemoError, RateError, UnsupportedBitstream
from diffdemo.ui.server.gpu import MAX_SECONDS, MIN_SECONDS, Lent, engine_with_gpu, estimate

REFUSAL = gr.Error("You have exceeded your ZeroGPU quota (42s requested vs. 3s left).", print_exception=False)


@dataclass
class Lender(ModuleType):
    """What `spaces` does to a generator, without the second process: everything is pickled on its way."""

    lends: bool = True
    refuses: bool = False
    most_items: int | None = None
    durations: list[int] = field(default_factory=list)
    closed: int = 0

    def GPU(self, *, duration: Callable[..., int]) -> Callable:  # noqa: N802
        def decorate(task: Callable) -> Callable:
            return self._elsewhere(task, duration) if self.lends else task

        return decorate

    def _elsewhere(self, task: Callable, duration: Callable[..., int]) -> Callable:
        @wraps(task)
        def handler(*args: Any) -> Iterator[Any]:
            self.durations.append(duration(*args))
            if self.refuses:
                raise REFUSAL
            try:
                for number, item in enumerate(task(*pickle.loads(pickle.dumps(args)))):
                    if number == self.most_items:
                        raise gr.Error("GPU task aborted", title="ZeroGPU worker error")
                    yield pickle.loads(pickle.dumps(item))
            except GeneratorExit:
                self.closed += 1
                raise

        return handler


@pytest.fixture
def lender(monkeypatch) -> Lender:
    module = Lender()
    monkeypatch.setitem(sys.modules, "spaces", module)
    return module


@pytest.fixture
def made() -> list[dict]:
    """How each engine was asked for."""
    return []


@pytest.fixture
def make(made) -> Callable[..., FakeEngine]:
    def make_one(**options: Any) -> FakeEngine:
        made.append(options)
        return FakeEngine()

    return make_one


@pytest.fixture
def lent(lender, make) -> Lent:
    return engine_with_gpu(make, "auto")


def test_without_the_package_there_is_one_ordinary_engine(monkeypatch, make, made):
    monkeypatch.setitem(sys.modules, "spaces", None)
    assert isinstance(engine_with_gpu(make, "auto"), FakeEngine)
    assert made == [{"device": "auto"}]


def test_where_the_package_lends_nothing_there_is_one_ordinary_engine(lender, make, made):
    lender.lends = False
    assert isinstance(engine_with_gpu(make, "cuda"), FakeEngine)
    assert made == [{"device": "cuda"}]


def test_long_calls_run_elsewhere_and_the_rest_at_home(lent, lender, made, large_picture):
    assert made == [{"device": "cpu"}]
    *_, last = lent.encode(large_picture, bpp=3.0)
    assert made == [{"device": "cpu"}, {"device": "cuda"}]
    *_, frame = lent.decode(last.data)
    *_, drawn = lent.samples(last.data, count=2)
    assert len(made) == 2, "one engine there for all calls"
    assert np.array_equal(frame.pixels, last.frame.pixels)
    assert len(drawn.pictures) == 2
    assert len(lender.durations) == 3
    assert lent.describe(last.data).width == 200
    assert lent.default_model == "fake"
    assert lent.preview(last.data, len(last.data)) is None, "what is remembered there is not remembered here"
    assert len(lender.durations) == 3


def test_nobody_pays_for_an_example(lent, lender, large_picture):
    *_, last = lent.encode(large_picture, bpp=3.0)
    before = len(lender.durations)
    for _ in lent.rehearse(last.data, reference=large_picture):
        pass
    assert len(lender.durations) == before
    assert lent.preview(last.data, len(last.data)) is not None, "decoded at home, where the slider asks"


def test_items_arrive_as_they_are_made(lent, large_picture):
    moments = list(lent.encode(large_picture, bpp=3.0))
    expected = list(FakeEngine().encode(large_picture, bpp=3.0))
    assert [moment.data for moment in moments] == [moment.data for moment in expected]


def test_failures_keep_their_words(lent, large_picture):
    with pytest.raises(RateError, match="cannot hold the header"):
        list(lent.encode(large_picture, num_bytes=5))
    with pytest.raises(UnsupportedBitstream, match="Not a diffdemo file"):
        list(lent.decode(b"RIFF...."))


@pytest.mark.parametrize("kind", DiffDemoError.__subclasses__())
def test_failures_travel(kind):
    assert str(pickle.loads(pickle.dumps(kind("in words")))) == "in words"


def test_whoever_stops_stops_the_work_there(lent, lender, large_picture):
    moments = lent.encode(large_picture, bpp=3.0)
    next(moments)
    moments.close()
    assert lender.closed == 1


def test_the_shipped_models_run_here_if_no_gpu_can_be_had(lent, lender, made, large_picture, caplog):
    lender.refuses = True
    *_, last = lent.encode(large_picture, bpp=3.0)
    *_, frame = lent.decode(last.data)
    assert np.array_equal(frame.pixels, last.frame.pixels)
    assert made == [{"device": "cpu"}]
    assert "runs on the CPU" in caplog.text


def test_others_are_refused_as_the_lender_says(lent, lender, large_picture):
    lender.refuses = True
    for _ in lent.download("sd-1.5"):
        pass
    with pytest.raises(gr.Error, match="exceeded your ZeroGPU quota"):
        list(lent.encode(large_picture, bpp=3.0, model="sd-1.5"))


def test_what_is_aborted_half_way_is_not_begun_anew(lent, lender, large_picture):
    lender.most_items = 2
    moments = lent.encode(large_picture, bpp=3.0)
    next(moments), next(moments)
    with pytest.raises(gr.Error, match="aborted"):
        next(moments)


def test_the_page_works_on_it(lent, tmp_path, large_picture):
    from diffdemo.images import to_png
    from diffdemo.ui.programs.endpoints import Endpoints

    path = tmp_path / "picture.png"
    path.write_bytes(to_png(large_picture))
    calls = Endpoints(lent)
    *_, (file, report) = calls.compress(str(path), 3.0)
    assert report["model"] == "fake"
    *_, (_, decoded) = calls.decompress(file)
    assert decoded["num_bytes"] == report["num_bytes"]
    with pytest.raises(gr.Error, match="cannot hold the header"):
        list(calls.compress(str(path), 3.0, 5))


def blank(side: int) -> np.ndarray:
    return np.zeros((side, side, 3), np.uint8)


def test_more_work_is_asked_more_time_for():
    home = FakeEngine()
    small = estimate(home, "encode", (blank(256),), {"bpp": 1.0})
    large = estimate(home, "encode", (blank(1024),), {"bpp": 1.0})
    finer = estimate(home, "encode", (blank(1024),), {"bpp": 2.0})
    searching = estimate(home, "encode", (blank(1024),), {"bpp": 1.0, "preset": "best"})
    assert MIN_SECONDS <= small < large < finer < searching <= MAX_SECONDS
    assert small <= 15, "or a visitor is refused who has that much left"


def test_a_size_in_bytes_bounds_the_search():
    home = FakeEngine()
    by_rate = estimate(home, "encode", (blank(1024),), {"bpp": 2.0})
    assert estimate(home, "encode", (blank(1024),), {"bpp": 2.0, "num_bytes": 9000}) < by_rate


def test_every_sample_counts():
    home = FakeEngine()
    *_, last = home.encode(blank(512), bpp=1.0)
    once = estimate(home, "decode", (last.data,), {})
    assert once < estimate(home, "samples", (last.data,), {"count": 16}) <= MAX_SECONDS
