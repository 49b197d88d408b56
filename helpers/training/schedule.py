"""When a training is over, and the learning rate on the way there."""

import math
import os
import time

WARM_UP = 50  # steps, where only the seconds are planned


class Schedule:
    """How far a training is, and the learning rate that goes with it (one cycle, Smith 2018).

    The share that is done is the larger of steps taken / steps planned and seconds gone / seconds allowed, so the rate
    ends low on a slow machine too. DEEP_LEARNING_LAB_TIME_FACTOR, as 0.1 in `make test`, scales all seconds allowed.
    """

    def __init__(self, lr: float, epochs: int | None, max_seconds: float | None, steps_per_epoch: int):
        self.lr, self.steps_per_epoch = lr, steps_per_epoch
        self.max_seconds = max_seconds and max_seconds * float(os.environ.get("DEEP_LEARNING_LAB_TIME_FACTOR") or 1)
        self.steps = epochs * steps_per_epoch if epochs else None
        self.step, self.earlier, self.start = 0, 0.0, time.perf_counter()
        self.begun = 0.0  # share that had gone when the first step began

    def seconds(self) -> float:
        """Return the seconds since the start, those before an interruption included."""
        return self.earlier + time.perf_counter() - self.start

    def share(self) -> float:
        """Return the share of the training that is done, in [0, 1]."""
        by_steps = self.step / self.steps if self.steps else 0.0
        by_time = self.seconds() / self.max_seconds if self.max_seconds else 0.0
        return min(1.0, max(by_steps, by_time))

    def over(self) -> bool:
        """Return whether it is time to stop; not before the first step."""
        return self.step > 0 and self.share() >= 1.0

    def rate(self) -> float:
        """Return the learning rate: from a tenth up to `lr` in the first tenth, then down a cosine to a hundredth.

        What the seconds before the first step were spent on (a trial of precisions) is no part of the rise: a network
        that starts at the full rate is spoilt for good. For the same reason a slow machine takes WARM_UP steps for it.
        """
        if self.step == 0:
            self.begun = min(self.share(), 0.9)
        share = max(0.0, self.share() - self.begun) / (1 - self.begun)
        rise = share / 0.1 if self.steps else min(share / 0.1, (self.step + 1) / WARM_UP)
        fall = 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * max(0.0, share - 0.1) / 0.9))
        return self.lr * min(0.1 + 0.9 * rise, fall)

    def continue_from(self, step: int, seconds: float) -> None:
        """Go on from an earlier training."""
        self.step, self.earlier, self.start = step, seconds, time.perf_counter()
