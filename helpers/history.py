"""What happened during a training."""

import math
from dataclasses import dataclass, field


@dataclass
class History:
    """One number per finished epoch, in lists of equal length.

    `loss` is the mean training loss, `val["MPJPE"]` a metric on the validation set, `train["MPJPE"]` the same on
    training images where that was asked for, `lr` the learning rate at the epoch's end, `times` the seconds since the
    start. `stopped` says why it ended: "done", "interrupted", or "not trained" in grading.
    """

    metric: str
    mode: str = "min"
    loss: list[float] = field(default_factory=list)
    val: dict[str, list[float]] = field(default_factory=dict)
    train: dict[str, list[float]] = field(default_factory=dict)
    lr: list[float] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    stopped: str = "done"

    def __len__(self) -> int:
        return len(self.loss)

    def add(self, loss: float, lr: float, seconds: float, val: dict[str, float], train: dict[str, float]) -> None:
        """Append one epoch."""
        self.loss.append(loss)
        self.lr.append(lr)
        self.times.append(seconds)
        for numbers, lists in ((val, self.val), (train, self.train)):
            for name, value in numbers.items():
                lists.setdefault(name, []).append(value)

    @property
    def seconds(self) -> float:
        """Return how long the training took, up to its last whole epoch."""
        return self.times[-1] if self.times else 0.0

    def series(self, name: str) -> list[float]:
        """Return the numbers called `name`: "loss", "lr", a metric on the validation set, or "train " and a metric."""
        known = {"loss": self.loss, "lr": self.lr, **self.val, **{f"train {k}": v for k, v in self.train.items()}}
        if name not in known:
            raise ValueError(f"The history has no {name!r}; it has {', '.join(map(repr, known))}.")
        return known[name]

    @property
    def best_epoch(self) -> int | None:
        """Return the first of the best epochs on the validation set, counted from 1, NaN being worst; None without."""
        ranks = [self.rank(value) for value in self.val.get(self.metric, [])]
        return ranks.index(min(ranks)) + 1 if ranks else None

    def rank(self, value: float | None) -> float:
        """Return a number that is the lower the better a value of the first metric is; none and NaN are worst."""
        return math.inf if value is None or math.isnan(value) else value if self.mode == "min" else -value

    @property
    def best(self) -> float | None:
        """Return the first metric's best value on the validation set; None without epochs."""
        return min(self.val.get(self.metric, []), key=self.rank, default=None)

    def __repr__(self) -> str:
        if not len(self):
            return f"History: no epochs ({self.stopped})"
        best = f"best {self.metric} {self.best:.4g} in epoch {self.best_epoch}"
        return f"History: {len(self)} epochs in {self.seconds:.0f} s ({self.stopped}), {best}"
