"""Object keypoint similarity and the average precision that COCO computes from it."""

import contextlib
import io
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from helpers.data.batches import Batch
from helpers.data.coco import coco_annotations
from helpers.data.people import PeopleSet, labels_of
from helpers.shapes import require

OTHER_SIGMA = 0.08  # of every keypoint of a skeleton for which nobody has measured it, as COCO has for its 17
MOST_PEOPLE = 30  # of each image, the most confident ones; COCO takes 20, our scenes have up to 30 people


def average_precision(people: Sequence[Tensor], data: PeopleSet | Batch) -> dict[str, float]:
    """Return how well `people` were found, as COCO counts it: "AP", "AP50", "AP75" and "AR", each in [0, 1].

    OKS, object keypoint similarity, says how well two people fit: the mean over the keypoints visible in the right one
    of exp(-d^2 / (2 area (2 sigma)^2)), d pixels apart, with COCO's own sigma for each of its 17 keypoints, else 0.08.
    Found people take turns, the most confident first (equals in the order given); each is matched with the free person
    of its image that it fits best, if their OKS reaches a threshold. AP50 is the area under the curve of precision over
    recall for the threshold 0.50, AP75 for 0.75; AP is the mean of ten from 0.50 to 0.95, and AR the mean of the ten
    recalls at the curve's end.

    A found person's confidence is the sum of the K scores divided by K, so a missing keypoint lowers it; it counts as
    found at (0, 0), so as wrong unless nobody labelled it. Ignored people (`PeopleSet.ignored`) count neither as missed
    nor, where someone was found in their place, as false alarms. Of each image the 30 most confident people count.

    Args:
        people: one float (M, K, 3) for each image: x, y in pixels of the image, score; (0, 0, 0) where missing.
        data: the right people, a PeopleSet or a batch of one.
    Returns:
        the four numbers: 0 if nobody was found, NaN if there is nobody to be found (and a sentence is printed).
    Raises TypeError or ValueError for another number of images or keypoints, NaN or infinity.
    Source: pycocotools' COCOeval, which computes it.
    """
    labels = {name: labels.cpu() for name, labels in labels_of(data).items()}
    count, keypoints = len(labels["present"]), labels["visibility"].shape[-1]
    _require_people(people, count, keypoints)
    names = ("AP", "AP50", "AP75", "AR")
    if not (labels["present"] & ~labels["ignored"]).any():
        print("There is nobody to be found in these images, so precision and recall have no value (NaN).")
        return dict.fromkeys(names, float("nan"))
    precision, recall = _evaluated(coco_annotations(labels), _results(people), count, keypoints)
    values = precision.mean(), precision[0].mean(), precision[5].mean(), recall.mean()
    return {name: round(float(value), 9) for name, value in zip(names, values, strict=True)}  # COCO's 1 is 1 - 1e-16


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
    """Return found people as COCO's results of images 1 to N; their area decides nothing, for there is one range."""
    everyone = [(n, person) for n, found in enumerate(people, 1) for person in found.detach().cpu().double()]
    of_person = {"category_id": 1, "area": 0.0}
    return [
        {"id": number, "image_id": n, "keypoints": p.flatten().tolist(), "score": float(p[:, 2].mean()), **of_person}
        for number, (n, p) in enumerate(everyone, 1)
    ]


def _evaluated(
    right: list[dict[str, Any]], found: list[dict[str, Any]], count: int, keypoints: int
) -> tuple[Tensor, Tensor]:
    """Return COCOeval's precision (10 thresholds, 101 recalls) and final recall (10 thresholds)."""
    import numpy as np
    from pycocotools.cocoeval import COCOeval

    shared = {"images": [{"id": n + 1} for n in range(count)], "categories": [{"id": 1, "name": "person"}]}
    truth, answer = (_indexed({**shared, "annotations": people}) for people in (right, found))
    judge = COCOeval(truth, answer, "keypoints")
    if keypoints != len(judge.params.kpt_oks_sigmas):  # COCO's 17
        judge.params.kpt_oks_sigmas = np.full(keypoints, OTHER_SIGMA)
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
