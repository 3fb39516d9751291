"""What is remembered of a few pictures, and the sweeps that are."""

from __future__ import annotations

import numpy as np
import pytest
from fakes import FakeEngine

from diffdemo.images import to_png
from diffdemo.ui.memory.session import Session
from diffdemo.ui.per_picture import PerPicture
from diffdemo.ui.plot.completing import Sweeps


def test_the_picture_that_was_asked_for_longest_ago_makes_room() -> None:
    found: PerPicture[list[int]] = PerPicture(2)
    first = found.of(b"a", list)
    found.of(b"b", list)
    assert found.of(b"a", lambda: pytest.fail("it is known")) is first
    found.of(b"c", list)
    assert found.known(b"a") is first
    assert found.known(b"b") is None


def test_what_fails_to_begin_is_not_remembered() -> None:
    found: PerPicture[int] = PerPicture(2)
    with pytest.raises(ZeroDivisionError):
        found.of(b"a", lambda: 1 // 0)
    assert found.of(b"a", lambda: 7) == 7


def test_a_sweep_goes_on_where_it_was_and_belongs_to_its_model(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, pixels = FakeEngine(), np.full((192, 192, 3), 90, np.uint8)
    sweeps, session = Sweeps(engine), Session(original=to_png(pixels), codec="cdc", model="fake-cdc")
    (sweep,) = sweeps.wanted(session, pixels, of_all=False)
    assert len(next(sweep.follow())) == 1
    monkeypatch.setattr(engine, "sweep", lambda *args, **options: pytest.fail("begun again"))
    (again,) = sweeps.wanted(session, pixels, of_all=True)
    assert again is sweep
    assert len(list(again.follow())[-1]) == 4
    assert sweeps.points(session.original, "cdc") == sweeps.points(session.original, "cdc", "fake-cdc") == sweep.points
    assert sweeps.points(session.original, "cdc", "another") == ()
    assert sweeps.points(session.original, "diffc") == ()
    assert list(sweeps.wanted(Session(original=session.original, codec="diffc"), pixels, of_all=False)) == []
