"""The phases of the micro-batch loop: which state follows which, and how long each polls."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.runtime.loop_phase import IllegalTransition, Phase, State
from tests.building import examples

RUNNING, LINGERING, TRIMMED, BACKGROUND, IDLE = State


def events(phase):
    return phase.polled(events=True)


def no_events(phase):
    return phase.polled(events=False)


def more(phase):
    return phase.background_done(more=True)


def no_more(phase):
    return phase.background_done(more=False)


def failed(phase):
    return phase.failed()


WAY_TO = {
    TRIMMED: [],
    RUNNING: [events],
    LINGERING: [events, no_events],
    BACKGROUND: [no_events],
    IDLE: [no_events, no_more],
}


def phase_in(state):
    phase = Phase()
    for step in WAY_TO[state]:
        step(phase)
    assert phase.state is state
    return phase


@pytest.mark.parametrize("state", State)
def test_events_make_it_run_from_any_state(state):
    assert events(phase_in(state)) is RUNNING


def test_without_events_it_lingers_trims_and_then_has_time_for_background_work():
    phase = phase_in(RUNNING)
    assert [no_events(phase) for _ in range(4)] == [LINGERING, TRIMMED, BACKGROUND, BACKGROUND]


def test_it_is_idle_while_no_background_work_is_due_and_asks_again_after_each_poll():
    phase = phase_in(BACKGROUND)
    assert [more(phase), no_events(phase), no_more(phase), no_events(phase)] == [
        BACKGROUND,
        BACKGROUND,
        IDLE,
        BACKGROUND,
    ]


@pytest.mark.parametrize("state", [RUNNING, LINGERING, TRIMMED, IDLE])
def test_background_work_is_done_in_no_other_state(state):
    for done in (more, no_more):
        phase = phase_in(state)
        with pytest.raises(IllegalTransition, match=state.name):
            done(phase)
        assert phase.state is state


@pytest.mark.parametrize(
    ("state", "then"),
    [(RUNNING, RUNNING), (LINGERING, RUNNING), (TRIMMED, RUNNING), (BACKGROUND, BACKGROUND), (IDLE, BACKGROUND)],
)
def test_after_a_failure_it_goes_on_at_once(state, then):
    phase = phase_in(state)
    assert failed(phase) is then
    assert phase.poll_timeout_s == 0.0


@pytest.mark.parametrize(
    ("state", "seconds"), [(RUNNING, 0.0), (LINGERING, 0.01), (TRIMMED, 0.1), (BACKGROUND, 0.0), (IDLE, 0.1)]
)
def test_how_long_it_polls(state, seconds):
    assert phase_in(state).poll_timeout_s == seconds


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), max_size=30))
@examples(200)
def test_whatever_happens_outboxes_are_trimmed_between_the_last_events_and_background_work(steps):
    """Each step of the loop: did events come, is more background work due, does the step fail."""
    phase, trimmed = Phase(), True
    for came, more_due, fails in steps:
        state = phase.polled(events=came)
        trimmed = (trimmed or state is TRIMMED) and not came
        assert trimmed or state is not BACKGROUND
        if fails:
            phase.failed()
        elif state is BACKGROUND:
            phase.background_done(more=more_due)
