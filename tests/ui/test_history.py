"""What was tried on a picture is there again after a reload; what a browser makes up is not."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest

from diffdemo.metrics.points import CurvePoint
from diffdemo.ui.memory.history import MAX_TEXT, fields_of, in_text
from diffdemo.ui.memory.kept import kept
from diffdemo.ui.memory.session import Session
from diffdemo.ui.memory.tried import MAX_EARLIER, MAX_RUNS, MAX_TRIED, Earlier, Run, Tried

LABELS = {"diffc": "DiffC", "cdc": "CDC"}


def point(num_bytes: int, psnr_db: float = 31.234567890123) -> CurvePoint:
    return CurvePoint(
        num_bytes, num_bytes * 8 / 135_300, {"psnr_db": psnr_db, "ms_ssim": 0.98765432109876, "lpips": None}
    )


TRIED = Tried("diffc", "flow, realism 0.5", point(1691))
RUN = Run("sharp", ((1, 28.5), (2, 29.25)))
EARLIER = Earlier(
    "diffc", "DiffC", ("photo-small-2", "best", "seed 3", "“a cat”"), (point(26), point(900), point(16_912))
)
SESSION = Session(tried=(TRIED,), runs=(RUN,), earlier=(EARLIER, Earlier("cdc", "CDC", ("cdc-small",))))


def test_decodes_and_encodes_come_back_to_the_last_digit():
    assert fields_of(in_text(SESSION), LABELS) == {
        name: getattr(SESSION, name) for name in ("tried", "runs", "earlier")
    }
    assert replace(Session(), **fields_of(in_text(SESSION), LABELS)) == SESSION


def test_a_lossless_point_is_still_one():
    session = Session(tried=(Tried("diffc", "mean", point(9, math.inf)),))
    assert fields_of(in_text(session), LABELS)["tried"][0].point.psnr_db == math.inf


def test_nothing_tried_is_nothing_to_keep():
    assert in_text(Session()) == ""
    for nothing in ("", None):
        assert fields_of(nothing, LABELS) == {}
    assert kept(SESSION)["tried"] == in_text(SESSION)


def test_as_much_as_a_session_remembers_fits():
    full = Session(
        tried=tuple(Tried("cdc", f"one possible {n}", point(n + 1)) for n in range(MAX_TRIED)),
        runs=tuple(Run(str(n), tuple((step + 1, 30.123456789) for step in range(65))) for n in range(MAX_RUNS)),
        earlier=tuple(
            Earlier("diffc", "DiffC", (str(n),), tuple(point(m + 1) for m in range(80))) for n in range(MAX_EARLIER)
        ),
    )
    assert fields_of(in_text(full), LABELS)["earlier"] == full.earlier


def changed(change: dict[str, Any]) -> str:
    return json.dumps(json.loads(in_text(SESSION)) | change)


VALUES = {"psnr_db": 30.5}
ROW = [10, 0.5, VALUES]


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "null",
        "7",
        "{}",
        "[" * 5000,
        "x" * (MAX_TEXT + 1),
        changed({"tried": {}}),
        changed({"tried": [["diffc", "mean"]]}),
        changed({"tried": [["diffc", "mean", ROW, 1]]}),
        changed({"tried": [["nonesuch", "mean", ROW]]}),
        changed({"tried": [[["diffc"], "mean", ROW]]}),
        changed({"tried": [["diffc", 5, ROW]]}),
        changed({"tried": [["diffc", "a\nb", ROW]]}),
        changed({"tried": [["diffc", "x" * 1001, ROW]]}),
        changed({"tried": [["diffc", "mean", None]]}),
        changed({"tried": [["diffc", "mean", ROW]] * (MAX_TRIED + 1)}),
        *(changed({"tried": [["diffc", "mean", [wrong, 0.5, VALUES]]]}) for wrong in (
            0, -5, 1.5, True, 1 << 40, "9", None,
        )),
        *(changed({"tried": [["diffc", "mean", [9, wrong, VALUES]]]}) for wrong in (
            0, -1, 1e9, 10**400, "1", None, [1],
        )),
        *(changed({"tried": [["diffc", "mean", [9, 0.5, wrong]]]}) for wrong in (
            {}, [], None, "psnr_db", {"psnr_db": [1]}, {"psnr_db": "30"}, {"psnr_db": True}, {"ms_ssim": 0.5},
            VALUES | {"ms_ssim": {}}, VALUES | {"nonesuch": 1.0},
        )),
        changed({"runs": [["sharp", [[0, 28.0]]]]}),
        changed({"runs": [["sharp", [[1, "28"]]]]}),
        changed({"runs": [["sharp", [[1, 28.0]] * 201]]}),
        changed({"runs": 5}),
        changed({"earlier": [["diffc", ["a"] * 9, []]]}),
        changed({"earlier": [["diffc", "photo", []]]}),
        changed({"earlier": [[None, [], []]]}),
        in_text(SESSION).replace("31.234567890123", "NaN"),
        in_text(SESSION).replace("31.234567890123", "-Infinity"),
        in_text(SESSION).replace("16912", "Infinity"),
    ],
)  # fmt: skip
def test_what_a_browser_makes_up_is_left_out_as_a_whole(text):
    assert fields_of(text, LABELS) == {}
