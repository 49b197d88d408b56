"""What each step of a training costs on a make-believe device, and `fit` brought to it."""

import contextlib
from collections import Counter
from collections.abc import Iterator
from typing import Any, Self

from torch.optim.optimizer import register_optimizer_step_post_hook

from helpers.tests import make_believe

WARM = 3  # steps in which constants may still be sent
BATCH = 4  # images: enough to see what is asked of them


class Steps:
    """Counts from the begin of an epoch to its last step, but for the first few of a training; a context manager."""

    def __init__(self, seen: make_believe.Seen):
        self.seen, self.taken, self.counted = seen, 0, 0
        self.per_step: dict[str, Counter[str]] = {name: Counter() for name in vars(seen)}

    def __enter__(self) -> Self:
        from helpers.training import loop

        self.before = self._now()
        self.one_epoch, self.hook = loop.train_one_epoch, register_optimizer_step_post_hook(self._step)

        def epoch(*args: Any, **options: Any) -> float:
            self.before = self._now()
            return self.one_epoch(*args, **options)

        loop.train_one_epoch = epoch
        return self

    def __exit__(self, *error: object) -> None:
        from helpers.training import loop

        loop.train_one_epoch = self.one_epoch
        self.hook.remove()

    def _now(self) -> dict[str, Counter[str]]:
        return {name: Counter(counter) for name, counter in vars(self.seen).items()}

    def _step(self, *_: Any) -> None:
        self.taken += 1
        now = self._now()
        if self.taken > WARM:
            self.counted += 1
            for name, counter in self.per_step.items():
                counter.update(now[name] - self.before[name])
        self.before = now

    def report(self) -> dict[str, Any]:
        """Return the number of steps, and what each counter saw per step, by line."""
        count = max(self.counted, 1)
        return {"steps": self.taken} | {
            name: {line: n / count for line, n in counter.items()} for name, counter in self.per_step.items()
        }


@contextlib.contextmanager
def on_the_device(steps: int) -> Iterator[None]:
    """Let `fit`, `evaluate` and `predict` take the make-believe device, and `fit` so many steps."""
    import helpers
    from helpers.training import loop

    pick, fit, look_every = loop.pick_device, helpers.fit, loop.LOOK_EVERY

    def shortly(model: Any, train: Any, val: Any, **options: Any) -> Any:
        options |= {"max_seconds": None, "progress": False, "batch_size": BATCH}
        options["epochs"] = max(1, steps * BATCH // len(train))
        return fit(model, train[: steps * BATCH], val, **options)

    loop.pick_device = lambda device=None: make_believe.device() if device is None else pick(device)
    helpers.fit, loop.LOOK_EVERY = shortly, float("inf")
    try:
        yield
    finally:
        loop.pick_device, helpers.fit, loop.LOOK_EVERY = pick, fit, look_every
