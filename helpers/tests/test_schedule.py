"""When a training is over and at which rate it learns, on machines of any pace: the clock of these tests is ours."""

import math

import pytest
import torch

from helpers.history import History
from helpers.training import progress, schedule
from helpers.training.progress import ProgressDisplay
from helpers.training.schedule import Schedule


class Clock:
    """A clock that goes as fast as a test says; in the place of the module `time`."""

    def __init__(self):
        self.now = 0.0

    def perf_counter(self):
        return self.now


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    monkeypatch.delenv("DEEP_LEARNING_LAB_TIME_FACTOR", raising=False)
    clock = Clock()
    for module in (schedule, progress):
        monkeypatch.setattr(module, "time", clock)
    return clock


def train(clock, plan, paces, trial=0.0):
    """Return the rates of all steps, and what was said after which: step n takes `paces(n)` seconds."""
    clock.now += trial
    rates, said = [], []
    while not plan.over():
        rates.append(plan.rate())
        clock.now += paces(plan.step)
        plan.step += 1
        said.append((plan.step, plan.longer()))
    return rates, [(step, sentence) for step, sentence in said if sentence]


@pytest.mark.parametrize("trial", [0.0, 6.0], ids=["no-trial", "trial"])
def test_on_a_fast_machine_nothing_changes(clock, trial):
    """900 steps at least, 0.07 s each: 75 s are enough, and every rate is exactly that of a training without them."""
    plain, _ = train(clock, Schedule(1e-3, None, 75.0, 64), lambda step: 0.07, trial)
    rates, said = train(clock, Schedule(1e-3, None, 75.0, 64, 900), lambda step: 0.07, trial)
    assert len(rates) == len(plain) == math.ceil((75 - trial) / 0.07) and not said
    assert rates == pytest.approx(plain, rel=1e-9)


def test_on_a_slow_machine_the_steps_are_done(clock):
    rates, _ = train(clock, Schedule(1.0, None, 75.0, 64, 900), lambda step: 0.2)
    assert len(rates) == 900 and max(rates) == pytest.approx(1, abs=0.02) and rates[-1] < 0.011
    assert rates[450] == pytest.approx(0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * 0.4 / 0.9)), abs=1e-3)


@pytest.mark.parametrize(
    ("paces", "steps"),
    [
        pytest.param(lambda step: 0.05 if step < 700 else 0.5, 900, id="slower-near-the-end"),
        pytest.param(lambda step: 0.3 if step < 200 else 0.03, 700, id="faster"),
        pytest.param(lambda step: 0.3 if step < 240 else 0.03, 900, id="faster-too-late"),
        pytest.param(lambda step: 0.03 if step % 200 < 100 else 0.3, 900, id="to-and-fro"),
    ],
)
def test_the_rate_never_jumps_up(clock, paces, steps):
    """After 200 steps of 0.3 s, 15 of 75 s are left for 500 steps of 0.03 s: 650 are done in time, 900 are not."""
    rates, _ = train(clock, Schedule(1.0, None, 75.0, 64, 650 if steps == 700 else 900), paces)
    assert len(rates) == pytest.approx(steps, abs=2)
    top = rates.index(max(rates))
    assert all(after <= before for before, after in zip(rates[top:], rates[top + 1 :], strict=False))
    assert all(abs(after - before) < 0.05 for before, after in zip(rates, rates[1:], strict=False))
    assert rates[-1] < 0.011


def test_the_sentence_comes_as_soon_as_the_pace_is_known(clock):
    """0.2 s a step: a tenth of 75 s has gone after 38 steps; 900 steps take 180 s."""
    _, said = train(clock, Schedule(1.0, None, 75.0, 64, 900), lambda step: 0.2)
    assert said == [(38, "This machine needs about 180 s instead of 75 s: 900 steps are taken at least.")]


def test_a_very_slow_machine_hears_it_after_twenty_steps(clock):
    _, said = train(clock, Schedule(1.0, None, 75.0, 64, 100), lambda step: 3.0)
    assert said == [(20, "This machine needs about 300 s instead of 75 s: 100 steps are taken at least.")]


def test_slow_first_steps_and_a_trial_are_no_pace(clock):
    """The first step loads code for 8 s; 900 steps of 0.07 s take 63 s all the same."""
    _, said = train(clock, Schedule(1.0, None, 75.0, 64, 900), lambda step: 0.07 if step else 8.0, trial=3.0)
    assert not said


def test_who_grows_slow_later_hears_it_then(clock):
    _, said = train(clock, Schedule(1.0, None, 75.0, 64, 900), lambda step: 0.07 if step < 500 else 0.4)
    assert len(said) == 1 and 500 < said[0][0] < 700


def test_no_sentence_without_least_steps_or_without_seconds(clock):
    for plan in (Schedule(1.0, None, 75.0, 64), Schedule(1.0, 20, None, 64, 900)):
        assert train(clock, plan, lambda step: 1.0)[1] == []


def test_a_factor_shortens_the_least_steps_too(clock, monkeypatch):
    monkeypatch.setenv("DEEP_LEARNING_LAB_TIME_FACTOR", "0.1")
    rates, said = train(clock, Schedule(1.0, None, 75.0, 64, 905), lambda step: 0.2)
    assert len(rates) == 91 and said[0][1].endswith("about 18 s instead of 8 s: 90 steps are taken at least.")


def test_epochs_end_a_training_all_the_same(clock):
    rates, _ = train(clock, Schedule(1.0, 2, 75.0, 64, 900), lambda step: 0.2)
    assert len(rates) == 128 and rates[-1] == pytest.approx(0.01, abs=1e-3)
    rates, _ = train(clock, Schedule(1.0, 100, 75.0, 64, 900), lambda step: 0.2)
    assert len(rates) == 900


def test_a_resumed_training_goes_on_with_the_same_rate(clock):
    """4 of 75 seconds went into a trial; the new process spends 5 s on another one, which do not count."""
    plan, later = (Schedule(1.0, None, 75.0, 64, 200) for _ in range(2))
    clock.now += 4.0
    for _ in range(300):
        plan.rate()
        clock.now += 0.1
        plan.step += 1
    rate, seconds = plan.rate(), plan.seconds()
    clock.now += 5.0
    later.continue_from(plan.step, seconds, plan.begun)
    assert later.rate() == pytest.approx(rate) and later.share() == pytest.approx(30 / 71)


def test_a_training_resumed_with_less_time_ends(clock):
    """The trial took 30 of 75 s; who resumes with 20 s gets one step, not a training without end."""
    plan = Schedule(1.0, None, 20.0, 64)
    plan.continue_from(10, 40.0, 30.0)
    rates, _ = train(clock, plan, lambda step: 0.1)
    assert len(rates) == 0 and plan.over() and plan.rate() == pytest.approx(0.01)


def test_the_pace_of_a_resumed_training_is_that_of_this_machine(clock):
    """500 steps at 0.3 s elsewhere; here the other 400 take 0.05 s each: about 150 + 20 s."""
    plan = Schedule(1.0, None, 75.0, 64, 900)
    plan.continue_from(500, 150.0, 0.0)
    rates, said = train(clock, plan, lambda step: 0.05)
    assert len(rates) == 400 and rates[0] < 0.5
    assert said == [(520, "This machine needs about 170 s instead of 75 s: 900 steps are taken at least.")]


def test_a_resumed_training_on_a_gpu_is_first_looked_at_after_many_steps(clock):
    """The 50 s before belong to 5000 steps, not to the 100 of 0.01 s before the first look: 60 s for all, of 75."""
    plan = Schedule(1.0, None, 75.0, 64, 6000)
    plan.continue_from(5000, 50.0, 0.0)
    for _ in range(100):
        clock.now += 0.01
        plan.step += 1
    assert plan.longer() == "" and not plan.told


def test_the_time_left_follows_the_pace(clock, monkeypatch, capsys):
    """200 steps, then slow ones of 0.5 s: with 300 to go the bar says some 150 s, not the 40 s of the mean pace."""
    monkeypatch.setattr("tqdm.std.time", clock.perf_counter)
    plan = Schedule(1.0, None, 1.0, 64, 600)
    with ProgressDisplay(History("error"), plan) as display:
        for step in range(1, 301):
            plan.rate()
            clock.now += 0.02 if step < 200 else 0.5
            plan.step = step
            display.step(torch.tensor(1.0))
        left = (100 - display.bar.n) / display.bar.format_dict["rate"]
    assert display.bar.n == pytest.approx(50) and left == pytest.approx(150, rel=0.1)
    assert "instead of 1 s: 600 steps" in capsys.readouterr().out


def test_the_bar_of_a_resumed_training_counts_its_own_seconds(clock, monkeypatch):
    monkeypatch.setattr("tqdm.std.time", clock.perf_counter)
    plan = Schedule(1.0, None, 100.0, 64)
    with ProgressDisplay(History("error"), plan) as display:
        clock.now += 3.0
        plan.continue_from(500, 60.0, 0.0)
        for _ in range(10):
            plan.rate()
            clock.now += 1.0
            plan.step += 1
            display.step(torch.tensor(1.0))
        shown = display.bar.format_dict
    assert shown["initial"] == pytest.approx(61) and shown["n"] == pytest.approx(70)
    assert (100 - shown["n"]) / shown["rate"] == pytest.approx(30, rel=0.01)
