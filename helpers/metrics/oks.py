"""Object keypoint similarity and the average precision that COCO computes from it."""

import contextlib
import io
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from helpers.data.batches import Batch
from helpers.data.coco import coco_annotations
from helpers.data.people import PEOPLE, PeopleSet
from helpers.shapes import require, require_tensor

__all__ = ["COCO_SIGMAS", "average_precision", "oks"]

# How far people who label COCO differ from each other, in the order of COCO's keypoints: the head to a few hundredths
# of a person's size, the hips four times as far.
# fmt: off
COCO_SIGMAS = (0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072, 0.062, 0.062, 0.107, 0.107, 0.087, 0.087,
               0.089, 0.089)
# fmt: on
OTHER_SIGMA = 0.08  # of every keypoint of a skeleton for which nobody has measured it
TINY = 2.0**-52  # COCO adds it to areas, so that an area of 0 divides nothing by 0
MOST_PEOPLE = 30  # of each image, the most confident ones; COCO takes 20, our scenes have up to 30 people
ANSWERS = ("AP", "AP50", "AP75", "AR")


def oks(
    pred: Tensor, target: Tensor, visible: Tensor, area: Tensor, sigmas: Sequence[float] | Tensor | None = None
) -> Tensor:
    """Return the object keypoint similarity of people, float (...) in [0, 1]: 1 where each keypoint is in its place.

    The mean over a person's visible keypoints of exp(-d^2 / (2 area (2 sigma)^2)), with d the distance to the right
    place; NaN for a person without any. What stands where a keypoint is not visible counts nowhere. Leading axes
    broadcast: `oks(pred[:, None], target, visible, area)` is a table, predicted people down, right ones across.

    Args:
        pred, target: float (..., K, 2), x then y, pixels.
        visible: bool (..., K).
        area: float (...), square pixels: the area of each person.
        sigmas: K numbers above 0; None is COCO's for 17 keypoints and 0.08 for each of another number.
    Raises:
        TypeError, ValueError: shapes that do not fit, or what is no tensor.
    Example: one keypoint with sigma 0.1, off by 6 pixels, on a person of 900 square pixels: exp(-36 / (2 * 900 * 0.04))
    = exp(-0.5) = 0.607.
    Source: cocodataset.org; Ronchi and Perona 2017, "Benchmarking and Error Diagnosis in Multi-Instance Pose
    Estimation".
    """
    for name, tensor in (("pred", pred), ("target", target), ("visible", visible), ("area", area)):
        require_tensor(name, tensor)
    if not pred.is_floating_point():
        raise TypeError(f"pred has dtype {str(pred.dtype).removeprefix('torch.')}; expected floating-point numbers.")
    require_tensor("visible", visible, torch.bool)
    if visible.ndim == 0 or not pred.shape[-2:] == target.shape[-2:] == (visible.shape[-1], 2):
        got = f"pred has shape {tuple(pred.shape)}, target {tuple(target.shape)} and visible {tuple(visible.shape)}"
        raise ValueError(f"{got}; expected (..., K, 2), (..., K, 2) and (..., K).")
    try:
        torch.broadcast_shapes(pred.shape[:-2], target.shape[:-2], visible.shape[:-1], area.shape)
    except RuntimeError:
        got = f"pred {tuple(pred.shape[:-2])}, target {tuple(target.shape[:-2])}, visible {tuple(visible.shape[:-1])}"
        expected = "the same leading axes, or axes of 1."
        got = f"the people of {got} and area {tuple(area.shape)}"
        raise ValueError(f"{got} do not fit each other; expected {expected}") from None
    spread = torch.as_tensor(_sigmas(visible.shape[-1], sigmas), dtype=pred.dtype, device=pred.device)
    squared = (pred - target).square().sum(dim=-1)  # (..., K)
    similarity = torch.exp(-squared / (2 * (area[..., None] + TINY) * (2 * spread) ** 2))
    return torch.where(visible, similarity, 0).sum(dim=-1) / visible.sum(dim=-1)


def _sigmas(count: int, sigmas: Sequence[float] | Tensor | None) -> list[float]:
    """Return the sigma of each of `count` keypoints."""
    if sigmas is None:
        return list(COCO_SIGMAS) if count == len(COCO_SIGMAS) else [OTHER_SIGMA] * count
    sigmas = [float(sigma) for sigma in sigmas]
    if len(sigmas) != count or not all(0 < sigma < float("inf") for sigma in sigmas):
        raise ValueError(f"sigmas is {sigmas}; expected {count} numbers above 0, one for each keypoint.")
    return sigmas


def average_precision(
    people: Sequence[Tensor], data: PeopleSet | Batch, sigmas: Sequence[float] | Tensor | None = None
) -> dict[str, float]:
    """Return how well `people` were found, as COCO counts it: "AP", "AP50", "AP75" and "AR", each in [0, 1].

    Found people take turns, the most confident first (equals in the order given); each is matched with the free person
    of its image that it fits best, if their OKS reaches a threshold. AP50 is the area under the curve of precision over
    recall for the threshold 0.50, AP75 for 0.75; AP is the mean of ten from 0.50 to 0.95, and AR the mean of the ten
    recalls at the curve's end.

    A found person's confidence is the sum of the K scores divided by K: a missing keypoint lowers it, as in the
    bottom-up methods that hand in such means to COCO. Missing keypoints count as if found at (0, 0), so they are wrong
    unless nobody labelled them. Ignored people (`PeopleSet.ignored`) count neither as missed nor, where someone was
    found in their place, as false alarms. Of each image the 30 most confident people count.

    Args:
        people: one float (M, K, 3) for each image: x, y in pixels of the image, score; (0, 0, 0) where missing.
        data: the right people, a PeopleSet or a batch of one.
        sigmas: see `oks`.
    Returns:
        the four numbers: 0 if nobody was found, NaN if there is nobody to be found (and a sentence is printed).
    Raises:
        TypeError, ValueError: another number of images or keypoints, NaN or infinity.
    Source: pycocotools' COCOeval, which computes it.
    """
    labels = {name: _part(data, name).cpu() for name in PEOPLE}
    count, keypoints = len(labels["present"]), labels["visibility"].shape[-1]
    _require_people(people, count, keypoints)
    sigmas = _sigmas(keypoints, sigmas)
    if not (labels["present"] & ~labels["ignored"]).any():
        print("There is nobody to be found in these images, so precision and recall have no value (NaN).")
        return dict.fromkeys(ANSWERS, float("nan"))
    precision, recall = _evaluated(coco_annotations(labels), _results(people), count, sigmas)
    values = precision.mean(), precision[0].mean(), precision[5].mean(), recall.mean()
    return {name: round(float(value), 9) for name, value in zip(ANSWERS, values, strict=True)}  # COCO's 1 is 1 - 1e-16


def _part(data: PeopleSet | Batch, name: str) -> Tensor:
    """Return one tensor of a set or of a batch of it."""
    part: Tensor | None = data.get(name) if isinstance(data, Mapping) else getattr(data, name, None)
    if part is None:
        expected = "expected a PeopleSet or a batch of one."
        if isinstance(data, Mapping):
            raise ValueError(f"data has no {name!r}; {expected}")
        raise TypeError(f"data is a {type(data).__name__}; {expected}")
    return part


def _require_people(people: object, count: int, keypoints: int) -> None:
    """Check that `people` are found people, in `count` images."""
    if isinstance(people, Tensor) or not isinstance(people, Sequence):
        expected = f"a list of one tensor (M, {keypoints}, 3) for each image."
        raise TypeError(f"people is a {type(people).__name__}; expected {expected}")
    if len(people) != count:
        raise ValueError(f"people holds {len(people)} tensors; expected {count}, one for each image.")
    for index, found in enumerate(people):
        require(f"people[{index}]", found, f"M {keypoints} 3")
        if not torch.isfinite(found).all():  # COCOeval would match NaN with anyone
            hint = "look for a division by zero or a training that diverged."
            raise ValueError(f"people[{index}] holds NaN or infinity: {hint}")


def _results(people: Sequence[Tensor]) -> list[dict[str, Any]]:
    """Return found people as COCO's results of images 1 to N.

    COCOeval reads an area of each, to leave out who is too large or small for a range; there is one range, for all.
    """
    everyone = [(n, person) for n, found in enumerate(people, 1) for person in found.detach().cpu().double()]
    return [
        dict(
            id=number, image_id=n, category_id=1, area=0.0, keypoints=p.flatten().tolist(), score=float(p[:, 2].mean())
        )
        for number, (n, p) in enumerate(everyone, 1)
    ]


def _evaluated(
    right: list[dict[str, Any]], found: list[dict[str, Any]], count: int, sigmas: list[float]
) -> tuple[Tensor, Tensor]:
    """Return COCOeval's precision (10 thresholds, 101 recalls) and final recall (10 thresholds)."""
    import numpy as np
    from pycocotools.cocoeval import COCOeval

    shared = {"images": [{"id": n + 1} for n in range(count)], "categories": [{"id": 1, "name": "person"}]}
    judge = COCOeval(
        _indexed({**shared, "annotations": right}), _indexed({**shared, "annotations": found}), "keypoints"
    )
    judge.params.kpt_oks_sigmas = np.array(sigmas)
    judge.params.maxDets = [MOST_PEOPLE]
    judge.params.areaRng, judge.params.areaRngLbl = [[0, float("inf")]], ["all"]
    with contextlib.redirect_stdout(io.StringIO()):  # it prints what it does
        judge.evaluate()
        judge.accumulate()
    return torch.from_numpy(judge.eval["precision"][:, :, 0, 0, 0]), torch.from_numpy(judge.eval["recall"][:, 0, 0, 0])


def _indexed(dataset: Mapping[str, Any]) -> Any:
    """Return pycocotools' COCO of a dictionary in COCO's format, which it would read from a file only."""
    from pycocotools import coco

    index = coco.COCO()
    index.dataset = dataset
    with contextlib.redirect_stdout(io.StringIO()):  # it prints what it does
        index.createIndex()
    return index
