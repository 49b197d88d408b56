"""Rendered images a second, one thread, one person, 128 x 128, all labels included."""

from __future__ import annotations

import statistics
import time

from benchmarks.row import Row

__all__ = ["rows"]


def rows(rounds: int = 5, images: int = 60) -> list[Row]:
    """Return the median rate over a few rounds of fresh scenes."""
    from helpers.people import render_scene

    render_scene(0, 0)  # reads the body
    rates = []
    for turn in range(rounds):
        start = time.process_time()
        for index in range(images):
            render_scene(turn + 1, index)
        rates.append(images / (time.process_time() - start))
    note = f"images per CPU second, {min(rates):.0f} to {max(rates):.0f} over {rounds} rounds of {images}"
    return [Row("rendered people, 128 px, one person, per core", statistics.median(rates), 100, note=note)]
