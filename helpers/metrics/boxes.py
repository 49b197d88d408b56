"""How many people get a box, and how many boxes a person."""

from collections.abc import Sequence

from torch import Tensor

from helpers.data.batches import Batch
from helpers.data.people import PeopleSet, labels_of
from helpers.shapes import require

Found = Sequence[tuple[Tensor, Tensor]]


def box_recall(found: Found, data: PeopleSet | Batch, iou: float = 0.5) -> float:
    """Return the share of the people to be found, ignored ones left out, whose box was found; NaN if there is nobody.

    In each image the surest box takes the free person whom it overlaps most, if their IoU is at least `iou`, then the
    next one: each person is found once at most.

    Args:
        found: boxes (M, 4) and scores (M,) of each image, as `detections` returns them.
    """
    hits, _, people = _counts(found, data, iou)
    return hits / people if people else float("nan")


def box_precision(found: Found, data: PeopleSet | Batch, iou: float = 0.5) -> float:
    """Return the share of the boxes found that are a person's; NaN if nothing was found.

    Boxes are matched as for `box_recall`; one that is left over and meets an ignored person counts neither way.
    """
    hits, false_alarms, _ = _counts(found, data, iou)
    return hits / (hits + false_alarms) if hits + false_alarms else float("nan")


def box_f1(found: Found, data: PeopleSet | Batch, iou: float = 0.5) -> float:
    """Return one number for both, 2 / (1 / recall + 1 / precision); NaN if there is nobody to be found."""
    hits, false_alarms, people = _counts(found, data, iou)
    return 2 * hits / (hits + false_alarms + people) if people else float("nan")


def _counts(found: Found, data: PeopleSet | Batch, iou: float) -> tuple[int, int, int]:
    """Return how many people were found, how many boxes are nobody's, and how many people there are to be found."""
    from torchvision.ops import box_iou

    boxes, present, ignored = labels_of(data, ("boxes_xyxy", "present", "ignored")).values()
    if len(found) != len(boxes):
        raise ValueError(f"found holds {len(found)} entries; expected {len(boxes)}, one for each image.")
    hits = false_alarms = 0
    wanted, may_be = present & ~ignored, present & ignored
    for (one, scores), right, free, ignorable in zip(found, boxes, wanted.tolist(), may_be.tolist(), strict=True):
        require("boxes", one, "M 4", known={"M": len(scores)})
        overlaps = box_iou(one[scores.argsort(descending=True)].to(right), right)  # (M, P), the surest box first
        for row, meets in zip(overlaps.tolist(), (overlaps >= iou).tolist(), strict=True):
            people = [p for p, met in enumerate(meets) if met and free[p]]
            if people:
                free[max(people, key=row.__getitem__)] = False
                hits += 1
            elif not any(met and ignorable[p] for p, met in enumerate(meets)):
                false_alarms += 1
    return hits, false_alarms, int(wanted.sum())
