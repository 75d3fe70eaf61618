"""Since when what was just read may have waited."""

from handlers.slack.freeze_detector import BACKLOG_SECONDS, BEAT_SECONDS, FROZEN_SECONDS, FreezeDetector


def pulse_at(begin: float) -> tuple[FreezeDetector, list[float]]:
    clock = [begin]
    return FreezeDetector(lambda: clock[0]), clock


def test_what_is_read_by_a_process_that_runs_was_just_sent() -> None:
    pulse, clock = pulse_at(100.0)
    for _ in range(60):
        clock[0] += BEAT_SECONDS
        pulse.beat()
    clock[0] += BEAT_SECONDS / 2
    assert pulse.sent_after() == clock[0]


def test_it_was_just_sent_right_after_the_start_too() -> None:
    pulse, clock = pulse_at(0.5)
    assert pulse.sent_after() == clock[0]


def test_what_is_read_after_a_freeze_may_have_waited_since_it_began() -> None:
    pulse, clock = pulse_at(100.0)
    clock[0] += FROZEN_SECONDS + 600
    assert pulse.sent_after() == 100.0


def test_that_holds_whoever_notices_it_first_and_until_the_backlog_is_read() -> None:
    pulse, clock = pulse_at(100.0)
    clock[0] += FROZEN_SECONDS + 1
    pulse.beat()
    for _ in range(4):
        clock[0] += BACKLOG_SECONDS / 5
        pulse.beat()
        assert pulse.sent_after() == 100.0
    clock[0] += BACKLOG_SECONDS / 5
    assert pulse.sent_after() == clock[0]


def test_two_freezes_in_a_row_are_one() -> None:
    pulse, clock = pulse_at(100.0)
    for _ in range(2):
        clock[0] += FROZEN_SECONDS + 1
        assert pulse.sent_after() == 100.0


def test_a_beat_that_comes_a_little_late_is_no_freeze() -> None:
    pulse, clock = pulse_at(100.0)
    clock[0] += FROZEN_SECONDS
    assert pulse.sent_after() == clock[0]
