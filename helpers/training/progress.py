"""What a training shows while it runs: a progress bar, and in a notebook the curves."""

import time
from typing import Self

from torch import Tensor
from tqdm.auto import tqdm

from helpers.history import History
from helpers.notebook import HtmlOutput, in_notebook
from helpers.training.schedule import Schedule

BAR = "{desc} {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"
# Seconds between two looks at the loss. On a GPU each one waits for the work in the queue, and a kernel's messages may
# be read at the end only, when of more than some two thousand the last are lost.
REFRESH = 0.5


class ProgressDisplay:
    """A progress bar with loss and metric, and in a notebook the curves so far; a context manager."""

    def __init__(self, history: History, schedule: Schedule, progress: bool = True):
        self.history, self.schedule = history, schedule
        self.bar = tqdm(total=100, bar_format=BAR, disable=not progress, desc="training", miniters=0, smoothing=0.05)
        self.curves = Curves(history) if progress and in_notebook() else None
        self.shown = 0.0
        self.metric = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self.curves:
            self.curves.draw()
        self.bar.close()

    def say(self, sentence: str) -> None:
        """Print a line without tearing the bar."""
        self.bar.write(sentence)

    def step(self, loss: Tensor) -> None:
        """Show the loss of the last step, twice a second at most."""
        if longer := self.schedule.longer():
            self.say(longer)
        now = time.perf_counter()
        if now - self.shown >= REFRESH and not self.bar.disable:
            self.shown = now
            self._show(len(self.history) + 1, f"loss {float(loss):.4g}")

    def epoch_done(self) -> None:
        """Show the numbers of the epoch that has just ended."""
        metric = self.history.metric
        self.metric = f", {metric} {self.history.val[metric][-1]:.4g} (best {self.history.best:.4g})"
        if not self.bar.disable:
            self._show(len(self.history), f"loss {self.history.loss[-1]:.4g}")
        if self.curves:
            self.curves.draw_sometimes()

    def _show(self, epoch: int, loss: str) -> None:
        if not self.bar.n:  # what was done before a resumed training took none of these seconds
            self.bar.initial = self.bar.n = self.bar.last_print_n = 100 * self.schedule.share()
        self.bar.update(100 * self.schedule.share() - self.bar.n)  # so that the time left follows the latest pace
        self.bar.set_description(f"epoch {epoch}", refresh=False)
        self.bar.set_postfix_str(loss + self.metric, refresh=True)


class Curves:
    """The curves of a history in one place of the notebook, drawn anew as it grows."""

    def __init__(self, history: History):
        self.history, self.output, self.next_drawing, self.epochs = history, HtmlOutput(), 0.0, 0

    def draw_sometimes(self) -> None:
        """Draw if a second has passed, and if drawing then takes no more than a hundredth of the time."""
        start = time.perf_counter()
        if start >= self.next_drawing:
            self.draw()
            took = time.perf_counter() - start
            self.next_drawing = time.perf_counter() + max(1.0, 100 * took)

    def draw(self) -> None:
        """Draw the curves if there are new epochs."""
        from helpers.pictures.plots import curves

        if len(self.history) not in (0, self.epochs):
            self.epochs = len(self.history)
            self.output.update(curves(self.history, show=False).html(dpi=80))
