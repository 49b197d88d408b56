"""When a training is over, and the learning rate on the way there."""

import math
import os
import time

WARM_UP = 50  # steps, where only the seconds are planned
COLD, FAIR = 3, 20  # steps: the first take longer; after so many, and a tenth of the seconds, the pace is known


class Schedule:
    """How far a training is, and the learning rate that goes with it (one cycle, Smith 2018).

    The share that is done is the larger of steps taken / steps planned and seconds gone / seconds allowed, the latter
    being no more than steps taken / `least_steps`. So the rate ends low on a slow machine too.
    DEEP_LEARNING_LAB_TIME_FACTOR, as 0.1 in `make test`, scales all seconds allowed and the least steps.
    """

    def __init__(self, lr: float, epochs: int | None, max_seconds: float | None, per_epoch: int, least_steps: int = 0):
        factor = float(os.environ.get("DEEP_LEARNING_LAB_TIME_FACTOR") or 1)
        self.lr, self.steps_per_epoch, self.least_steps = lr, per_epoch, least_steps * factor
        self.max_seconds = max_seconds and max_seconds * factor
        self.steps = epochs * per_epoch if epochs else None
        self.told = False  # how long the least steps take
        self.continue_from(0, 0.0, 0.0)

    def seconds(self) -> float:
        """Return the seconds since the start, those before an interruption included."""
        return self.earlier + time.perf_counter() - self.start

    def share(self) -> float:
        """Return the share of the training that is done, in [0, 1]."""
        by_steps = self.step / self.steps if self.steps else 0.0
        by_time = (self.seconds() - self.begun) / (self.max_seconds - self.begun) if self.max_seconds else 0.0
        by_least = self.step / self.least_steps if self.least_steps else 1.0
        return min(1.0, max(by_steps, min(by_time, by_least)))  # each only grows, so the rate never jumps up

    def over(self) -> bool:
        """Return whether it is time to stop; not before the first step."""
        return self.step > 0 and self.share() >= 1.0

    def rate(self) -> float:
        """Return the learning rate: from a tenth up to `lr` in the first tenth, then down a cosine to a hundredth.

        What the seconds before the first step were spent on (a trial of precisions) is no part of the rise: a network
        that starts at the full rate is spoilt for good. For the same reason a slow machine takes WARM_UP steps for it.
        """
        if self.step == 0 and self.max_seconds:
            self.continue_from(0, self.seconds(), self.seconds())
        share = self.share()
        rise = share / 0.1 if self.steps else min(share / 0.1, (self.step + 1) / WARM_UP)
        fall = 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * max(0.0, share - 0.1) / 0.9))
        return self.lr * min(0.1 + 0.9 * rise, fall)

    def longer(self) -> str:
        """Return, once, a sentence on the seconds that the least steps take where these are too few; else ""."""
        steps, seconds, allowed = self.step - self.first, self.seconds(), self.max_seconds or math.inf
        if steps <= COLD:
            self.warm = seconds
        if self.told or steps < FAIR or seconds < 0.1 * allowed:
            return ""
        expected = seconds + (self.least_steps - self.step) * (seconds - self.warm) / (steps - COLD)
        self.told = expected > 1.1 * allowed
        needs = f"This machine needs about {expected:.0f} s instead of {allowed:.0f} s"
        return f"{needs}: {self.least_steps:.0f} steps are taken at least." if self.told else ""

    def continue_from(self, step: int, seconds: float, begun: float) -> None:
        """Go on from an earlier training after so many seconds, of which `begun` had gone when its first step began."""
        self.step = self.first = step
        self.earlier, self.start, self.begun = seconds, time.perf_counter(), min(begun, 0.9 * (self.max_seconds or 0))
        self.warm = seconds  # those before the pace counts: a GPU's first look comes after many steps
