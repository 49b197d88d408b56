"""The reference `softargmax` beside kornia's and dsntnn's: time, memory of live tensors, error against float64."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from benchmarks.row import Row, paired_ratio
from grading.course.course import Course
from helpers.files import ROOT

__all__ = ["rows"]

SHAPE = (32, 16, 64, 64)
TIMES_FASTER = {"kornia": 2.0, "dsntnn": 1.0}
PEAKS = (1.0, 10.0, 100.0, 1000.0)  # heights: from almost flat maps to all weight on one pixel


def rows(pairs: int = 15) -> list[Row]:
    """Return their time / ours on one and on all threads, our memory / theirs, and our largest error."""
    import torch

    answers = Course(ROOT, "ex02_softargmax").reference_answers()
    ours, others = answers["softargmax"], _others()
    torch.manual_seed(0)
    scoremaps = torch.randn(SHAPE, requires_grad=True)
    return [
        *_times(ours, others, scoremaps, pairs),
        *_memory({**others, "softargmax": ours}, answers["lean_softargmax"], scoremaps),
        _error(ours),
    ]


def _others() -> dict[str, Callable[[Any], Any]]:
    """Return the other implementations: scoremaps -> places; dsntnn's are normalised to (-1, 1)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what they import is not ours to mend
        import dsntnn
        from kornia.geometry.subpix import spatial_soft_argmax2d
    return {
        "kornia": lambda maps: spatial_soft_argmax2d(maps, normalized_coordinates=False),
        "dsntnn": lambda maps: dsntnn.dsnt(dsntnn.flat_softmax(maps)),
    }


def _times(ours: Callable, others: dict[str, Callable], scoremaps: Any, pairs: int) -> list[Row]:
    import torch

    weights = torch.randn(*SHAPE[:2], 2)

    def forward(answer: Callable) -> Callable[[], object]:
        return lambda: answer(scoremaps)

    def both(answer: Callable) -> Callable[[], object]:
        return lambda: torch.autograd.grad(answer(scoremaps), scoremaps, weights)

    rows, threads = [], torch.get_num_threads()
    try:
        for count in dict.fromkeys((1, threads)):
            torch.set_num_threads(count)
            note = f"time, {SHAPE}, float32, threads: {count}"
            for name, other in others.items():
                ratio = paired_ratio(both(other), both(ours), pairs)
                alone = paired_ratio(forward(other), forward(ours), pairs)
                rows.append(Row(f"{name} / softargmax, forward + backward", ratio, TIMES_FASTER[name], note=note))
                rows.append(Row(f"{name} / softargmax, forward", alone, 1, note=note))
    finally:
        torch.set_num_threads(threads)
    return rows


def _memory(plain: dict[str, Callable], lean: Callable, scoremaps: Any) -> list[Row]:
    peaks = {name: _peak(answer, scoremaps) for name, answer in plain.items()}
    ours, lean_peak = peaks.pop("softargmax"), _peak(lean, scoremaps)
    maps = scoremaps.nbytes
    rows = [
        Row(f"softargmax / {name}, peak memory", ours / peak, 1, at_least=False,
            note=f"live tensors, {ours / maps:.2f} / {peak / maps:.2f} times the maps, forward + backward")
        for name, peak in peaks.items()
    ]  # fmt: skip
    note = f"live tensors, {lean_peak / maps:.2f} / {ours / maps:.2f} times the maps, forward + backward"
    return [*rows, Row("lean_softargmax / softargmax, peak memory", lean_peak / ours, 0.8, at_least=False, note=note)]


def _peak(answer: Callable, scoremaps: Any) -> int:
    """Return the peak of live bytes of a forward and a backward pass, beside the maps and the incoming gradient."""
    import torch

    from helpers.checks.probes.lean import LiveBytes

    maps, weights = scoremaps.detach().clone().requires_grad_(), torch.ones(*SHAPE[:2], 2)
    with LiveBytes(maps, weights) as live:
        answer(maps).backward(weights)
    return live.peak


def _error(ours: Callable) -> Row:
    """Return the largest error of float32, against sums over places written out in float64."""
    import torch

    places = torch.stack(torch.meshgrid(torch.arange(128.0), torch.arange(128.0), indexing="xy"), dim=-1).double()
    worst = 0.0
    for height in PEAKS:
        maps = torch.randn(4, 16, 128, 128) * height / 4  # the highest of 16384 lies at about four deviations
        p = torch.softmax(maps.double().flatten(start_dim=2), dim=-1)
        exact = p @ places.flatten(end_dim=1)
        worst = max(worst, float((ours(maps).double() - exact).abs().max()))
    note = f"largest, pixels, 128 x 128 maps, peaks about {', '.join(f'{height:g}' for height in PEAKS)}"
    return Row("softargmax, error against float64", worst, 1e-4, at_least=False, note=note)
