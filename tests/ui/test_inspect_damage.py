"""A damaged file in the Inspect tab: where the damage may lie, and what it makes of the picture."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
import numpy as np
import pytest

from diffdemo.engine import Engine
from diffdemo.pictures import load_picture
from diffdemo.ui.inspect import Inspection
from diffdemo.ui.memory.session import Session
from tests.golden import shipped
from tests.golden.cases import FOLDER

CASE = next(case for case in shipped.CASES if case.codec_name == "diffc")


@pytest.fixture
def inspection(engine: Engine) -> Inspection:
    return Inspection(engine)


def file(folder: Path, *bits: int) -> str:
    """A shipped file with some wrong bits, as bits of the file from 0."""
    data = bytearray((FOLDER / f"{CASE.name}.difd").read_bytes())
    for bit in bits:
        data[bit // 8] ^= 0x80 >> bit % 8
    path = folder / "file.difd"
    path.write_bytes(data)
    return str(path)


def pictures(inspection: Inspection, path: str | None) -> list[gr.Image]:
    return list(inspection.of_damaged(path, None))


@pytest.fixture(autouse=True)
def uploads(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))


def test_one_wrong_bit_is_named_with_its_step(inspection, tmp_path):
    report = inspection.of_file(file(tmp_path, 8 * 200 + 3), Session(), 1)
    assert "This file is damaged" in report
    assert "byte 201 (step " in report


def test_two_wrong_bits_are_told_apart_from_one(inspection, tmp_path):
    report = inspection.of_file(file(tmp_path, 8 * 200 + 3, 8 * 200 + 4), Session(), 1)
    assert "More than one of its bits is wrong" in report


def test_its_picture_comes_step_by_step_and_differs_from_the_whole_files(inspection, tmp_path):
    hidden, *between, last = pictures(inspection, file(tmp_path, 8 * 40))
    assert hidden.visible is False
    assert all(each.label.startswith("Damaged: step ") for each in between)
    assert last.visible
    assert last.label == "What the damaged file decodes to"
    whole = (FOLDER / f"{CASE.name}.difd").read_bytes()
    *_, frame = inspection._engine.decode(whole)
    shown = load_picture(last.value["path"] if isinstance(last.value, dict) else last.value).pixels
    assert shown.shape == frame.pixels.shape
    assert np.abs(shown.astype(int) - frame.pixels).mean() > 1


def test_files_that_are_whole_cut_or_gone_show_none(inspection, tmp_path):
    whole = file(tmp_path)
    assert [each.visible for each in pictures(inspection, whole)] == [False]
    Path(whole).write_bytes(Path(whole).read_bytes()[:100])
    assert [each.visible for each in pictures(inspection, whole)] == [False]
    assert [each.visible for each in pictures(inspection, None)] == [False]
