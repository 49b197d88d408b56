"""What a training shows while it runs: a progress bar, and in a notebook the curves."""

import time
from typing import Self

from tqdm.auto import tqdm

from helpers.history import History
from helpers.notebook import HtmlOutput, in_notebook
from helpers.training.schedule import Schedule

BAR = "{desc} {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"
REFRESH = 0.5  # seconds: a kernel's messages may be read at the end only, and of some two thousand the last are lost


class ProgressDisplay:
    """A progress bar with loss and metric, and in a notebook the curves so far; a context manager."""

    def __init__(self, history: History, schedule: Schedule, progress: bool = True):
        self.history, self.schedule = history, schedule
        self.bar = tqdm(total=100, bar_format=BAR, disable=not progress, desc="training")
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

    def step(self, loss: float) -> None:
        """Show the loss of the last step, twice a second at most."""
        now = time.perf_counter()
        if now - self.shown >= REFRESH and not self.bar.disable:
            self.shown = now
            self._show(len(self.history) + 1, f"loss {loss:.4g}")

    def epoch_done(self) -> None:
        """Show the numbers of the epoch that has just ended."""
        metric = self.history.metric
        self.metric = f", {metric} {self.history.val[metric][-1]:.4g} (best {self.history.best:.4g})"
        if not self.bar.disable:
            self._show(len(self.history), f"loss {self.history.loss[-1]:.4g}")
        if self.curves:
            self.curves.draw_sometimes()

    def _show(self, epoch: int, loss: str) -> None:
        self.bar.n = 100 * self.schedule.share()
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
