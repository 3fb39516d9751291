"""Words for how many bytes a half of the stage gets."""

from __future__ import annotations

import gradio as gr
import pytest

from diffdemo.ui.rates import AS_THE_FILE, EQUAL, choices, num_bytes


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (EQUAL, 777),
        (AS_THE_FILE, 777),
        ("0.5 bpp", 500),
        ("0.5", 500),
        ("0,5", 500),
        (".25 BPP", 250),
        ("1234 bytes", 1234),
        ("12,000 bytes", 12_000),
        ("1 byte", 1),
        ("24", 24_000),
    ],
)
def test_words_are_understood(words, expected):
    assert num_bytes(words, equal=777, num_pixels=8000) == expected


@pytest.mark.parametrize("words", ["0", "0 bytes", "-1", "much", "1e9", "25", "24001 bytes", "1.5 kB", "0.0001"])
def test_anything_else_is_refused_with_an_example(words):
    with pytest.raises(gr.Error, match=r"is no rate here.*such as 0\.5, or bytes, such as 12000 bytes"):
        num_bytes(words, equal=777, num_pixels=8000)


def test_everything_that_is_offered_is_understood():
    assert choices()[0] == (AS_THE_FILE, EQUAL)
    sizes = [num_bytes(value, equal=1, num_pixels=8000) for _, value in choices()]
    assert sizes == sorted(sizes)
    assert sizes[1] == 100
