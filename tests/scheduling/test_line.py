"""The line in front of the device: who begins when, and how long the others are told that it will take."""

from __future__ import annotations

import itertools

import pytest

from diffdemo.engine.scheduling import line as line_module
from diffdemo.engine.scheduling.job import SHORT_SECONDS, Asker, Job, Rank
from diffdemo.engine.scheduling.line import MOST_OF_ONE, RISE_SECONDS, Line, Place, seconds_until_free

NUMBERS = itertools.count()
LONG = 10 * SHORT_SECONDS


def job(session: str = "", rank: Rank = Rank.PERSON, seconds: float = LONG, memory: int = 0) -> Job:
    return Job(Asker(session, rank), next(NUMBERS), seconds, memory)


def joined(line: Line, *jobs: Job) -> list[bool]:
    """Whether each has begun, once all have joined."""
    for each in jobs:
        line.join(each)
    return [line.wait(each, 0) for each in jobs]


def test_as_many_long_jobs_begin_as_the_device_has_lanes_and_others_move_up():
    line = Line(lanes=2, memory=1)
    first, second, third, fourth = jobs = [job() for _ in range(4)]
    assert joined(line, *jobs) == [True, True, False, False]
    assert line.counts() == (2, 2)
    line.leave(first)
    assert line.wait(third, 0)
    assert not line.wait(fourth, 0)
    line.leave(fourth)
    assert line.place_of(fourth) is None, "it has left"
    line.leave(second)
    assert line.counts() == (0, 1)


def test_a_short_job_begins_beside_long_ones():
    line = Line(lanes=1, memory=1)
    assert joined(line, job(), job(), job(seconds=SHORT_SECONDS), job(seconds=0.0)) == [True, False, True, True]


def test_there_is_an_end_to_short_jobs_too():
    line = Line(lanes=1, memory=1, most_jobs=3)
    jobs = [job(seconds=1.0) for _ in range(4)]
    assert joined(line, *jobs) == [True, True, True, False]
    line.leave(jobs[1])
    assert line.wait(jobs[3], 0)


def test_people_come_before_programs_and_batches():
    line = Line(lanes=1, memory=1)
    running, batch, program, person = job(), job(rank=Rank.BATCH), job(rank=Rank.PROGRAM), job()
    joined(line, running, batch, program, person)
    for expected in (person, program, batch):
        line.leave(running)
        assert line.wait(expected, 0)
        running = expected


def test_sessions_begin_in_turn():
    line = Line(lanes=2, memory=1)
    greedy = [job("greedy") for _ in range(3)]
    modest = job("modest")
    joined(line, *greedy, modest)
    line.leave(greedy[0])
    assert line.wait(modest, 0), "the other one has a job under way"
    assert not line.wait(greedy[2], 0)


def test_one_session_takes_no_more_than_its_share():
    line = Line(lanes=1, memory=1)
    jobs = [job("one", seconds=1.0) for _ in range(MOST_OF_ONE + 1)]
    assert joined(line, *jobs) == [True] * MOST_OF_ONE + [False]
    assert joined(line, job("other", seconds=1.0)) == [True]


def test_memory_is_given_out_once_and_one_alone_may_take_more():
    line = Line(lanes=4, memory=100)
    huge, small, tiny = job(memory=1000), job(memory=60), job(memory=10)
    assert joined(line, huge, small, tiny) == [True, False, False]
    line.leave(huge)
    assert [line.wait(each, 0) for each in (small, tiny)] == [True, True]


def test_what_is_too_large_for_now_is_not_overtaken_for_ever():
    line = Line(lanes=4, memory=100)
    running, large, small = job(memory=60), job(memory=80), job(memory=10)
    assert joined(line, running, large, small) == [True, False, False]
    line.leave(running)
    assert line.wait(large, 0)


def test_a_place_says_how_many_come_before_and_when_it_begins():
    line = Line(lanes=1, memory=1)
    first, second, third = job(seconds=30), job(seconds=20), job(seconds=10)
    joined(line, first, second, third)
    first.spent = 12.0
    assert line.place_of(first) is None
    assert line.place_of(second) == Place(0, 18.0)
    assert line.place_of(third) == Place(1, 38.0)


@pytest.mark.parametrize(
    ("left", "before", "lanes", "seconds"),
    [
        ((), (), 1, 0.0),
        ((5.0,), (), 2, 0.0),
        ((5.0,), (), 1, 5.0),
        # Two share the device: the shorter one takes twice its time.
        ((5.0, 8.0), (), 2, 10.0),
        # Then the one before begins, beside 3 seconds that are left of the other.
        ((5.0, 8.0), (1.0,), 2, 12.0),
    ],
)
def test_the_estimate_shares_the_device_evenly(left, before, lanes, seconds):
    assert seconds_until_free(left, before, lanes) == seconds


def test_what_waits_for_a_lane_does_not_keep_short_ones_out_for_its_memory():
    line = Line(lanes=2, memory=100)
    assert joined(line, job(memory=40), job(memory=40)) == [True, True]
    waiting, thumbnail = job(memory=30), job(seconds=0.1, memory=5)
    assert joined(line, waiting, thumbnail) == [False, True]


def test_places_that_come_free_together_are_shared():
    line = Line(lanes=2, memory=100)
    whole = job(memory=100)
    greedy, modest = [job("greedy", memory=10) for _ in range(2)], job("modest", memory=10)
    joined(line, whole, *greedy, modest)
    line.leave(whole)
    assert [line.wait(each, 0) for each in (*greedy, modest)] == [True, False, True]


def test_a_program_that_has_waited_for_minutes_comes_before_people_who_have_just_come(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(line_module.time, "monotonic", lambda: now[0])
    line = Line(lanes=1, memory=1)
    running, program = job(), job(rank=Rank.PROGRAM)
    joined(line, running, program)
    now[0] = RISE_SECONDS + 1
    person = job()
    joined(line, person)
    line.leave(running)
    assert line.wait(program, 0), "it has risen to their rank, and came before"
    assert not line.wait(person, 0)
