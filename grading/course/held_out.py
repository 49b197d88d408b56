"""Held-out scenes: images that no student has seen, on which trained models are scored.

They are drawn from the secret of the course that is being graded, the same for everybody, rendered once and kept in
`grading/cache`.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from weakref import WeakKeyDictionary

from torch import Tensor
from torch.nn.functional import one_hot

from grading.course.secret import course_secret
from helpers.checks.engine.question import Wrong
from helpers.data.masks import SegmentationSet
from helpers.data.people import PeopleSet
from helpers.data.poses import PoseSet
from helpers.data.rendered import rendered_crowds, rendered_people, rendered_segmentation
from helpers.files import ROOT
from helpers.metrics.oks import average_precision
from helpers.shapes import VOID

if TYPE_CHECKING:
    from helpers.pictures.figure import Picture

__all__ = [
    "COUNT",
    "ap_of",
    "draw_from",
    "held_out_crowds",
    "held_out_masks",
    "held_out_people",
    "mean_iou_of",
    "mpjpe_of",
    "pictured",
]

GRADING = ROOT / "grading"
COUNT = 64

Pred = TypeVar("Pred")
Scenes = TypeVar("Scenes", PoseSet, SegmentationSet, PeopleSet)


class Examined(Protocol):
    """What answers the cases of a question: a submission in grading, or answers of this process in tests."""

    def examine(self, question: str, case: str, /, **facts: Any) -> Any:
        """Return what the case accepted, or raise `Wrong`."""


# By submission and weights file: several tests ask, the model predicts once. What went wrong is kept as well as what
# came out.
_outcomes: WeakKeyDictionary[Examined, dict[str, float | Exception]] = WeakKeyDictionary()
# What was predicted, as a picture that is drawn if staff ask why.
_pictures: WeakKeyDictionary[Examined, dict[str, Callable[[], Picture]]] = WeakKeyDictionary()
_secret: bytes | None = None  # of the course that is being graded; None outside grading: this project's own


def draw_from(secret: bytes) -> None:
    """Have all scenes drawn from this course's secret from now on."""
    global _secret
    if secret != _secret:
        _secret = secret
        for scenes in (held_out_people, held_out_masks, held_out_crowds):
            scenes.cache_clear()


@lru_cache(maxsize=2)
def held_out_people(count: int = COUNT) -> PoseSet:
    """Return `count` rendered people, 128 x 128, from the course's secret."""
    seed = _secret_seed(b"held-out people")
    return rendered_people("test", count, cache=GRADING / "cache", progress=False, seed=seed)


@lru_cache(maxsize=2)
def held_out_masks(count: int = COUNT) -> SegmentationSet:
    """Return `count` images of rendered people with masks, 128 x 128, from the course's secret."""
    seed = _secret_seed(b"held-out masks")
    return rendered_segmentation("test", count, cache=GRADING / "cache", progress=False, seed=seed)


@lru_cache(maxsize=2)
def held_out_crowds(count: int = COUNT) -> PeopleSet:
    """Return `count` images of two to four rendered people each, 96 x 128, from the course's secret."""
    seed = _secret_seed(b"held-out crowds")
    return rendered_crowds("test", count, cache=GRADING / "cache", progress=False, seed=seed)


def mpjpe_of(submission: Examined, weights: str) -> float:
    """Return the MPJPE in pixels of a submission's model, with its weights file, on the held-out people.

    Raises:
        Wrong: there is no such file, it does not fit the model, or the model's output is no set of keypoints.
    """
    return _score(submission, weights, held_out_people, _mpjpe, "worst_poses")


def mean_iou_of(submission: Examined, weights: str) -> float:
    """Return the mean IoU of a submission's model, with its weights file, on the held-out images with masks.

    Raises:
        Wrong: there is no such file, it does not fit the model, or the model's output is no set of logits.
    """
    return _score(submission, weights, held_out_masks, _mean_iou, "worst_masks")


def ap_of(submission: Examined, weights: str) -> float:
    """Return the AP by OKS of a submission's system, with its weights file, on the held-out scenes of several people.

    Raises:
        Wrong: there is no such file, it does not fit the model, or what the system answers are no people.
    """
    return _score(submission, weights, held_out_crowds, _ap, "worst_people")


def pictured(wrong: Wrong, submission: Examined, weights: str) -> Wrong:
    """Return the verdict on a submission's model, with a picture of the scenes that it found hardest."""
    wrong.draw = _pictures.get(submission, {}).get(weights)
    return wrong


def _drawn(picture: str, pred: Any, data: Any) -> Picture:
    from grading.course import worst  # and matplotlib, which grading does without

    drawn: Picture = getattr(worst, picture)(pred, data)
    return drawn


def _score(
    submission: Examined,
    weights: str,
    scenes: Callable[[], Scenes],
    score: Callable[[Pred, Scenes], float],
    picture: str,
) -> float:
    """Return the score of what a submission's model answers for held-out scenes, asked once."""
    outcomes = _outcomes.setdefault(submission, {})
    if weights not in outcomes:
        data = scenes()
        try:
            pred = submission.examine("model", "predicts", images=data.images, weights=weights)
            outcomes[weights] = score(pred, data)
            _pictures.setdefault(submission, {})[weights] = partial(_drawn, picture, pred, data)
        except Exception as error:
            outcomes[weights] = error
    outcome = outcomes[weights]
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def _secret_seed(purpose: bytes) -> int:
    key = hmac.new(_secret or course_secret(GRADING / "course_secret"), purpose, hashlib.sha256).digest()
    return int.from_bytes(key[:6], "big")


def _mpjpe(pred: Tensor, people: PoseSet) -> float:
    """Return the MPJPE in pixels, exactly: `helpers.mean_error` knows it to a thousandth, too little for a mark."""
    return float((pred - people.keypoints)[people.visible].square().sum(dim=-1).sqrt().mean())


def _mean_iou(pred: Tensor, data: SegmentationSet) -> float:
    """Return the mean IoU over the classes that occur, exactly: `class_agreement` adds a pixel here and there."""
    found, true = (one_hot(masks[data.masks != VOID].long(), data.num_classes) for masks in (pred, data.masks))
    hits = (found & true).sum(dim=0)
    return float((hits / (found | true).sum(dim=0)).nanmean())


def _ap(pred: list[Tensor], data: PeopleSet) -> float:
    return average_precision(pred, data)["AP"]
