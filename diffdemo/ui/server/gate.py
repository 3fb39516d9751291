"""The gate: whatever a browser or a program sends passes here before any event sees it.

Gradio checks a file only where it is described as its own client would, a number only against its bounds, and tells the
rest as Python's exceptions. Here every value of every event is checked for what its component takes, and the words for
what is wrong name the argument as programs do.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Sequence
from typing import Any

import gradio as gr
from gradio.blocks import BlockFunction
from gradio.state_holder import SessionState
from gradio_client.utils import is_http_url_like

from diffdemo.ui.errors import refusal
from diffdemo.ui.server.fetching import fetched
from diffdemo.ui.server.uploads import require_upload

LARGEST = 1 << 53
"""Whole numbers beyond this are none in the browser's language."""
MAX_TEXT = 20_000
"""Characters of a text whose field names no limit: links carry files of a few thousand bytes."""
_FILE_FIELDS = (gr.File, gr.UploadButton, gr.Image, gr.DownloadButton)
_INJECTED = ("Request", "SelectData", "EventData")
"""Arguments that Gradio fills in by itself."""


class GuardedBlocks(gr.Blocks):
    """Gradio's page with the gate before its events."""

    async def process_api(self, *args: Any, **options: Any) -> dict[str, Any]:
        """Do what Gradio does; what an event tells of itself are facts by name, or none."""
        event = options.get("event_data")
        if event is not None and not isinstance(event._data, dict):
            event._data = {}
        return await super().process_api(*args, **options)

    async def preprocess_data(
        self,
        block_fn: BlockFunction,
        inputs: list[Any],
        state: SessionState | None,
        explicit_call: bool = False,
    ) -> Any:
        """Check what has arrived for an event, then do what Gradio does.

        Raises:
            gr.Error: a value is none that its field takes.
        """
        if explicit_call:  # It is our own code that calls.
            return await super().preprocess_data(block_fn, inputs, state, explicit_call)
        names = argument_names(block_fn.fn) if block_fn.fn else []
        inputs = completed(block_fn.inputs, inputs)
        as_checked = _Session(state or SessionState(self))
        for number, (block, value) in enumerate(zip(block_fn.inputs, inputs, strict=False)):
            if not getattr(block, "stateful", False):
                live = as_checked.remembered(block)
                name = names[number] if number < len(names) else str(getattr(block, "label", "") or "value")
                inputs[number] = await checked(name, live, still_offered(block, live, value))
        return await super().preprocess_data(block_fn, inputs, as_checked, explicit_call)


class _Session(SessionState):
    """A visitor's components as an event was checked against them.

    Another event may change what a field offers while this one is on its way through Gradio, which looks again, and
    refuses what has just been found right.
    """

    def __init__(self, state: SessionState) -> None:
        self._state = state
        self._components: dict[int, Any] = {}

    def remembered(self, block: Any) -> Any:
        """The component as it is for this visitor, from now on."""
        return self._components.setdefault(block._id, self._state.get(block._id, block))

    def __getitem__(self, key: int) -> Any:
        return self._components[key] if key in self._components else self._state[key]

    def __contains__(self, key: int) -> bool:
        return key in self._state

    def __setitem__(self, key: int, value: Any) -> None:
        self._state[key] = value

    def __getattr__(self, name: str) -> Any:
        return getattr(self._state, name)


def completed(blocks: Sequence[Any], inputs: Any) -> list[Any]:
    """What a call brings, and for arguments that it leaves out at the end what their fields begin with.

    Raises:
        gr.Error: it brings more than is taken, or no list.
    """
    if not isinstance(inputs, (list, tuple)) or len(inputs) > len(blocks):
        raise refusal(f"This call takes a list of at most {len(blocks)} values.")
    left_out = blocks[len(inputs) :]
    return [*inputs, *(None if block.stateful else getattr(block, "value", None) for block in left_out)]


def still_offered(begun: Any, live: Any, value: Any) -> Any:
    """What has arrived or, where that is nothing or no choice any more, what stands for it.

    A text or a choice that is not given is what its field began with, and a choice that the page has taken back while
    it was on its way is the first that is offered now: what was chosen for the visitor Gradio does not keep. The server
    changes what a menu offers, and a browser that has not heard of it yet sends what it still shows, which is no fault
    of the visitor. A program cannot mean it, because the fields of its endpoints keep their choices. A number beyond
    the bounds that the page has set meanwhile is the nearest within them.

    Args:
        begun: the component as the page was built.
        live: the same as it is for this visitor.
        value: what has arrived.
    """
    if value is None and isinstance(begun, (gr.Radio, gr.Dropdown, gr.Textbox, gr.CheckboxGroup)):
        value = begun.value
    if live is not begun and isinstance(live, gr.Slider) and _is_number(value):
        return min(max(value, live.minimum), live.maximum)
    if live is begun or not isinstance(live, (gr.Radio, gr.Dropdown)) or getattr(live, "allow_custom_value", False):
        return value
    offered = [each for _, each in live.choices or ()]
    is_known = value is None or isinstance(value, list) or value in offered
    return value if is_known else next(iter(offered), None)


def argument_names(handler: Any) -> list[str]:
    """Names of a handler's arguments that come from the page, in their order."""
    parameters = inspect.signature(handler).parameters.values()
    return [each.name for each in parameters if not any(kind in str(each.annotation) for kind in _INJECTED)]


async def checked(name: str, block: Any, value: Any) -> Any:
    """A value, any JSON, as its component takes it; `name` is that of the argument.

    Raises:
        gr.Error: it is none that the component takes.
    """
    if isinstance(block, (gr.Number, gr.Slider)):
        return _number(name, block, value)
    if isinstance(block, gr.Textbox):
        return _text(name, block, value)
    if isinstance(block, gr.Checkbox):
        return _require(value is None or isinstance(value, bool), value, f"{name}: it must be true or false.")
    if isinstance(block, (gr.Radio, gr.Dropdown)):
        return _require(_is_choice(value), value, f"{name}: it must be one of the choices, as a text or a number.")
    if isinstance(block, gr.CheckboxGroup):
        is_list = isinstance(value, list) and _is_choice(value)
        return _require(is_list, value, f"{name}: it must be a list of some of the choices.")
    if isinstance(block, _FILE_FIELDS):
        return await _files(value, is_single=getattr(block, "file_count", "single") == "single")
    _require_known_paths(value)
    return value


def _number(name: str, block: gr.Number | gr.Slider, value: Any) -> Any:
    """A finite number within the bounds of its field; where none is given, what the field begins with."""
    if value is None:
        value = block.value
    if value is None and isinstance(block, gr.Number):
        return None
    is_number = _is_number(value)
    low, high = block.minimum, block.maximum
    bounds = [f"at least {low:,g}" if low is not None else "", f"at most {high:,.12g}" if high is not None else ""]
    within = is_number and (low is None or value >= low) and (high is None or value <= high)
    wanted = " and ".join(filter(None, bounds))
    kind = "a whole number" if block.precision == 0 else "a number"
    found = f"'{str(value)[:40]}'" if value is not None else "empty"
    return _require(within, value, f"{name} is {found}; it must be {kind}{', ' + wanted if wanted else ''}.")


def _is_number(value: Any) -> bool:
    is_float = isinstance(value, float) and math.isfinite(value)
    return is_float or (isinstance(value, int) and not isinstance(value, bool) and abs(value) < LARGEST)


def _text(name: str, block: gr.Textbox, value: Any) -> Any:
    most = block.max_length or MAX_TEXT
    if value is None:
        return None
    is_text = isinstance(value, str) and "\0" not in value and len(value) <= most
    return _require(is_text, value, f"{name}: it must be a text of at most {most:,} characters.")


def _is_choice(value: Any) -> bool:
    if isinstance(value, list):
        return all(isinstance(each, (str, int, float)) for each in value)
    return value is None or isinstance(value, (str, int, float))


async def _files(value: Any, *, is_single: bool) -> Any:
    """A file or several, in whatever shape they come, in the shape that Gradio expects of its own client."""
    if isinstance(value, dict) and isinstance(value.get("root"), list):
        value = value["root"]
    files = [each for each in value if each] if isinstance(value, list) else [value] if value else []
    described = [await _file(each) for each in files]
    if is_single:
        return described[0] if described else None
    return described or None


async def _file(value: Any) -> dict[str, Any]:
    path = value.get("path") if isinstance(value, dict) else value
    place = await fetched(path) if isinstance(path, str) and is_http_url_like(path) else require_upload(path)
    name = value.get("orig_name") if isinstance(value, dict) else None
    return {"path": place, "meta": {"_type": "gradio.FileData"}} | (
        {"orig_name": name} if isinstance(name, str) else {}
    )


def _require_known_paths(value: Any) -> None:
    """Check every path that hides in a value of another kind."""
    if isinstance(value, dict):
        if "path" in value:
            require_upload(value["path"])
        for each in value.values():
            _require_known_paths(each)
    elif isinstance(value, list):
        for each in value:
            _require_known_paths(each)


def _require(is_right: bool, value: Any, message: str) -> Any:
    if not is_right:
        raise refusal(message)
    return value
