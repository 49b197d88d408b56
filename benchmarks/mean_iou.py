"""The reference `mean_iou` beside torchmetrics' Jaccard index and the counts of segmentation_models_pytorch."""

from __future__ import annotations

import warnings
from typing import Any

from benchmarks.row import Row, paired_ratio
from grading.course.course import Course
from helpers.files import ROOT

__all__ = ["rows"]

SHAPE, CLASSES, VOID = (64, 128, 128), 6, 255
TIMES_FASTER = {"torchmetrics": 5.0, "smp": 1.0}


def rows(pairs: int = 15) -> list[Row]:
    """Return their time / ours, and the largest difference of an IoU; inputs of all are validated."""
    import torch

    ours = Course(ROOT, "ex03_segmentation").reference_answers()["mean_iou"]
    generator = torch.Generator().manual_seed(0)
    target = torch.randint(0, CLASSES, SHAPE, generator=generator)
    pred = torch.where(torch.rand(SHAPE, generator=generator) < 0.7, target, target.roll(1, dims=-1))
    target[torch.rand(SHAPE, generator=generator) < 0.05] = VOID
    found, note = [], f"{SHAPE} pixels, {CLASSES} classes, 5 % void"
    for name, theirs in _others().items():
        ratio = paired_ratio(lambda: theirs(pred, target), lambda: ours(pred, target, CLASSES), pairs)  # noqa: B023
        apart = float((theirs(pred, target).double() - ours(pred, target, CLASSES)[1].double()).abs().max())
        found.append(Row(f"{name} / mean_iou, time", ratio, TIMES_FASTER[name], note=note))
        found.append(Row(f"{name}, mean_iou: largest difference", apart, 1e-6, at_least=False, note=note))
    return found


def _others() -> dict[str, Any]:
    """Return the other implementations: (pred, target) -> the IoU of each class."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what they import is not ours to mend
        from segmentation_models_pytorch.metrics import get_stats
        from torchmetrics.functional.classification import multiclass_jaccard_index

    def jaccard(pred: Any, target: Any) -> Any:
        return multiclass_jaccard_index(pred, target, CLASSES, average=None, ignore_index=VOID, validate_args=True)

    def from_stats(pred: Any, target: Any) -> Any:
        hits, false, missed, _ = get_stats(pred, target, "multiclass", num_classes=CLASSES, ignore_index=VOID)
        hits, false, missed = (counts.sum(dim=0) for counts in (hits, false, missed))
        return hits / (hits + false + missed)

    return {"torchmetrics": jaccard, "smp": from_stats}
