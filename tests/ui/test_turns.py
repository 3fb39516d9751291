"""Turns: who may speak, what is said at the end, and that the next one waits for it."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from diffdemo.ui.turns import Turn, Turns


@dataclass
class Request:
    session_hash: str


ANNA, BERT = Request("anna"), Request("bert")


@pytest.fixture
def turns() -> Turns:
    return Turns(patience=0)


def _started(turns: Turns, visitor: Request = ANNA):
    stream = turns.while_mine(turns.take(visitor), iter("abc"), "silence")
    assert next(stream) == "a"
    return stream


def test_whoever_keeps_the_turn_says_everything(turns):
    assert [*_started(turns)] == ["b", "c"]


def test_a_turn_that_is_over_ends_with_silence(turns):
    stream = _started(turns)
    turns.take(ANNA)
    assert [*stream] == ["silence"]


def test_a_turn_that_is_over_before_the_first_word_says_only_silence(turns):
    stream = turns.while_mine(turns.take(ANNA), iter("abc"), "silence")
    turns.take(ANNA)
    assert [*stream] == ["silence"]


def test_the_last_word_is_not_left_to_a_turn_that_ended_after_it(turns):
    stream = _started(turns)
    next(stream), next(stream)
    turns.take(ANNA)
    assert [*stream] == ["silence"]


def test_visitors_have_turns_of_their_own(turns):
    stream = _started(turns)
    turns.take(BERT)
    assert [*stream] == ["b", "c"]


def test_what_follows_by_itself_goes_on_in_the_same_turn(turns):
    number = turns.take(ANNA).number
    assert not turns.is_over(Turn.of(ANNA, number))
    assert turns.is_over(Turn.of(BERT, number))
    turns.take(ANNA)
    assert turns.is_over(Turn.of(ANNA, number))


@pytest.mark.parametrize("heard", ["next", "close"])
def test_a_turn_begins_when_what_is_on_its_way_has_arrived(heard):
    turns = Turns(patience=60)
    stream = _started(turns)
    with ThreadPoolExecutor(1) as pool:
        taken: Future[Turn] = pool.submit(turns.take, ANNA)
        with pytest.raises(TimeoutError):
            taken.result(timeout=0.1)
        assert next(stream, None) == "silence" if heard == "next" else stream.close() is None
        assert not turns.is_over(taken.result(timeout=300))


def test_work_that_is_announced_counts_as_begun_until_it_comes_or_stays_away(turns, monkeypatch):
    first = turns.announce(ANNA)
    assert turns.is_working(ANNA)
    assert not turns.is_working(BERT)
    second = turns.take(ANNA)
    assert turns.is_over(first)
    assert turns.is_working(ANNA), "it has not begun yet"
    stream = turns.at_work(second, iter("ab"), "silence")
    assert next(stream) == "a"
    assert turns.is_working(ANNA)
    assert list(stream) == ["b"]
    assert not turns.is_working(ANNA)
    turns.announce(ANNA)
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 60)
    assert not turns._is_at_work("anna"), "a browser that has gone does not hold anybody up"


def test_nobody_waits_for_ever_nor_for_others():
    turns = Turns(patience=0.05)
    stream = _started(turns)
    assert not turns.is_over(turns.take(ANNA))
    assert [*stream] == ["silence"]
    turns = Turns(patience=60)
    stream = _started(turns)
    turns.take(BERT)
    stream.close()


def test_work_is_known_until_it_ends_or_another_turn_begins(turns):
    stream = turns.at_work(turns.take(ANNA), iter("ab"), "silence")
    assert not turns.is_working(ANNA)
    assert next(stream) == "a"
    assert turns.is_working(ANNA)
    assert not turns.is_working(BERT)
    assert list(stream) == ["b"]
    assert not turns.is_working(ANNA)
    next(turns.at_work(turns.take(ANNA), iter("ab"), "silence"))
    turns.take(ANNA)
    assert not turns.is_working(ANNA)
