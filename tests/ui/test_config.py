"""The page as Gradio describes it: rules that every component and event has to keep."""

from __future__ import annotations

import gradio as gr
import pytest
from fakes import FakeEngine
from serving import built

from diffdemo.ui.app import launch_options

PUBLIC = {
    "batch",
    "classical",
    "compare_codecs",
    "compress",
    "curve",
    "decompress",
    "difference",
    "download",
    "inspect",
    "models",
    "samples",
}
OF_THE_PAGE = {
    "add_original",
    "bits_map",
    "compare",
    "decode",
    "dither",
    "encode",
    "film",
    "go_on",
    "greet",
    "imagine",
    "open_example",
    "open_file",
    "open_first_example",
    "oppose",
    "result_card",
    "stop",
    "theory_curves",
    "theory_run",
    "upload",
    "wall",
}
ON_THE_DEVICE = {"compare_codecs", "compress", "curve", "decode", "decompress", "encode", "imagine", "samples"}
ON_THE_DEVICE |= {"add_original", "go_on", "open_file", "oppose", "wall"}
IMMEDIATE = {"greet", "stop", "theory_curves"}


@pytest.fixture(scope="module")
def demo() -> gr.Blocks:
    return built(FakeEngine())


@pytest.fixture(scope="module")
def events(demo) -> dict:
    return {event.api_name: event for event in demo.fns.values() if event.api_visibility != "private"}


def test_pictures_travel_without_loss(demo):
    pictures = [block for block in demo.blocks.values() if hasattr(block, "format") and hasattr(block, "postprocess")]
    assert {type(block) for block in pictures} >= {gr.Image, gr.Gallery}
    assert {block.format for block in pictures} == {"png"}


def test_the_programming_interface_is_frozen(events):
    assert set(events) == PUBLIC | OF_THE_PAGE
    assert {name for name, event in events.items() if event.api_visibility == "public"} == PUBLIC


def test_everything_public_is_described(demo):
    described = demo.get_api_info()["named_endpoints"]
    assert set(described) == {f"/{name}" for name in PUBLIC}
    assert [name for name, endpoint in described.items() if not endpoint["description"]] == []
    parameters = [(name, each) for name, endpoint in described.items() for each in endpoint["parameters"]]
    assert [(name, each) for name, each in parameters if not each["label"] or each["label"].startswith("param")] == []


def test_work_on_the_device_stands_in_the_engines_own_line(demo, events):
    assert {name for name, event in events.items() if event.concurrency_id == "device"} == ON_THE_DEVICE
    assert {events[name].concurrency_limit for name in ON_THE_DEVICE} == {32}, "each call that waits takes a thread"
    assert launch_options()["max_threads"] > 2 * 32
    assert all(events[name].queue for name in ON_THE_DEVICE)
    assert demo._queue.max_size == 128
    assert not demo.api_open, "a direct call would not wait its turn"


def test_examples_wait_for_nobody(events):
    waiting = {name: event.concurrency_limit for name, event in events.items() if event.concurrency_id == "examples"}
    assert set(waiting) == {"open_example", "open_first_example"}
    assert min(waiting.values()) > 4


def test_downloads_wait_for_the_network_and_not_for_the_device(demo, events):
    waiting = [event for event in demo.fns.values() if event.concurrency_id == "downloads"]
    assert {event.api_name for event in waiting} > {"download", "models"}
    assert all(event.concurrency_limit > 4 for event in waiting)


def test_what_must_be_immediate_does_not_queue(events):
    assert {name for name, event in events.items() if event.queue is False} == IMMEDIATE


def test_every_input_has_a_label_and_says_what_it_does(demo):
    kinds = (gr.Slider, gr.Radio, gr.Number, gr.File, gr.Image)
    inputs = [block for block in demo.blocks.values() if isinstance(block, kinds)]
    assert len(inputs) > 15
    assert [block for block in inputs if not block.label] == []
    on_the_page = [block for block in inputs if isinstance(block, gr.Slider | gr.Radio | gr.Number) and _shown(block)]
    assert [block.label for block in on_the_page if not block.info] == []


def test_no_telemetry_and_bounded_uploads(demo):
    assert demo.analytics_enabled is False
    assert launch_options()["max_file_size"] == "40mb"


def test_sessions_are_dropped(demo):
    states = [block for block in demo.blocks.values() if isinstance(block, gr.State)]
    assert {state.time_to_live for state in states} == {3600}


def _shown(block) -> bool:
    while block is not None:
        if isinstance(block, gr.Row) and block.visible is False:
            return False
        block = block.parent
    return True


def test_no_choice_is_lost_while_an_earlier_one_is_answered(demo):
    """By Gradio's own mode it would be, and the page would show what nobody has chosen."""
    answered = [event for event in demo.fns.values() if event.fn and any(kind == "input" for _, kind in event.targets)]
    # Ends what goes on; what follows it reads the choice of that moment.
    losing = {event.name for event in answered if event.trigger_mode != "always_last"} - {"interrupt"}
    assert len(answered) > 8
    assert losing == set()
