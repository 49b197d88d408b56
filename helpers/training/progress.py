"""What a training shows while it runs: a progress bar, and in a notebook the curves."""

import time
from contextlib import AbstractContextManager
from typing import Any

from tqdm.auto import tqdm

from helpers.history import History
from helpers.notebook import in_notebook, show_html
from helpers.training.schedule import Schedule

BAR = "{desc} {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"
REFRESH = 0.5  # seconds: a kernel's messages may be read at the end only, and of some two thousand the last are lost


class ProgressDisplay(AbstractContextManager["ProgressDisplay"]):
    """A progress bar with loss and metric, and in a notebook the curves so far; a context manager."""

    def __init__(self, history: History, schedule: Schedule, progress: bool = True):
        self.history, self.schedule, self.metric, self.shown = history, schedule, "", 0.0
        self.bar = tqdm(total=100, bar_format=BAR, disable=not progress, desc="training", miniters=0, smoothing=0.05)
        self.has_curves, self.next_drawing, self.drawn = progress and in_notebook(), 0.0, 0
        self.place: Any = None  # of the curves in the notebook

    def __exit__(self, *error: object) -> None:
        self._draw_curves()
        self.bar.close()

    def say(self, sentence: str) -> None:
        """Print a line without tearing the bar; nothing where there is nothing to say."""
        if sentence:
            self.bar.write(sentence)

    def step(self, loss: float) -> None:
        """Show the loss of the last step, twice a second at most."""
        self.say(self.schedule.longer())
        now = time.perf_counter()
        if now - self.shown >= REFRESH and not self.bar.disable:
            self.shown = now
            self._show(len(self.history) + 1, f"loss {loss:.4g}")

    def epoch_done(self) -> None:
        """Show the numbers of the epoch that has just ended, and the curves, but not more often than each second."""
        metric = self.history.metric
        self.metric = f", {metric} {self.history.val[metric][-1]:.4g} (best {self.history.best:.4g})"
        if not self.bar.disable:
            self._show(len(self.history), f"loss {self.history.loss[-1]:.4g}")
        if time.perf_counter() >= self.next_drawing:
            self._draw_curves()

    def _show(self, epoch: int, loss: str) -> None:
        if not self.bar.n:  # what was done before a resumed training took none of these seconds
            self.bar.initial = self.bar.n = self.bar.last_print_n = 100 * self.schedule.share()
        self.bar.update(100 * self.schedule.share() - self.bar.n)  # so that the time left follows the latest pace
        self.bar.set_description(f"epoch {epoch}", refresh=False)
        self.bar.set_postfix_str(loss + self.metric, refresh=True)

    def _draw_curves(self) -> None:
        """Draw the curves anew in their place, if there are new epochs: two at least, for one is a dot and no curve."""
        if self.has_curves and len(self.history) > max(1, self.drawn):
            from helpers.pictures.plots import curves

            start, self.drawn = time.perf_counter(), len(self.history)
            self.place = show_html(curves(self.history, show=False).html(dpi=80), self.place)
            now = time.perf_counter()
            self.next_drawing = now + max(1.0, 100 * (now - start))  # drawing takes a hundredth of the time at most
