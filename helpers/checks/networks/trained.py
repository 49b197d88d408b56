"""The model question: how good is a trained network?

The same case serves the notebook, on the validation set, and grading, on held-out scenes; whoever asks scores the
predictions. Other scenes give another score: so the notebook promises the points of a score that is worse by 15 %, and
says of a better score that it lies close to a threshold.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor

from helpers.checks.engine.compare import show
from helpers.checks.engine.judge import refuse_exception, run_check
from helpers.checks.engine.limits import QUESTION_SECONDS
from helpers.checks.engine.question import (
    Ask,
    CheckFailed,
    Oracle,
    Probe,
    Question,
    Wrong,
    demands_full_points,
    read_hints,
)
from helpers.checks.engine.record import note
from helpers.checks.networks.poses import checked_keypoints
from helpers.checks.probes.people import people_with_weights
from helpers.checks.probes.poses import predict_with_weights
from helpers.checks.probes.segmentation import segment_with_weights
from helpers.checks.probes.untrained import built_untrained
from helpers.checks.probes.weights import WEIGHTS_HINTS
from helpers.metrics.indirect import class_agreement, mean_error

if TYPE_CHECKING:
    from helpers.data.masks import SegmentationSet
    from helpers.data.people import PeopleSet
    from helpers.data.poses import PoseSet

__all__ = [
    "PEOPLE_MODEL",
    "PeopleModel",
    "PoseModel",
    "REGRESSION_MODEL",
    "SEGMENTATION_MODEL",
    "SOFTARGMAX_MODEL",
    "SegmentationModel",
    "TrainedModel",
]

Pred = TypeVar("Pred", Tensor, list[Tensor])
Scenes = TypeVar("Scenes", bound="PoseSet | SegmentationSet | PeopleSet")


SLOW = "\n  note     this took {:.0f} s; in grading a network has {:g} s, on one thread of a processor."
KEPT = (
    "\n  note     build_model() gives one and the same network each time. In grading no cell that trains is run: let "
    "it build the network."
)


def _kept(build_model: Any) -> str:
    """Return a note where `build_model` does not build."""
    with built_untrained():
        first = build_model()
        return KEPT if build_model() is first else ""


class TrainedModel(ABC, Generic[Pred, Scenes]):
    """The model question of one exercise: `question` for who grades, `check` for the notebook.

    Args:
        exercise: its key, such as "ex01_pose_regression".
        thresholds: scores and the points that each earns, best last: the notebook's text, the visible check and the
            hidden one all read them here.
    """

    measure: str
    unit = ""
    digits = 3
    margin = 0.15  # of the score: by how much 64 held-out scenes may be harder than the validation set
    probe: Probe
    higher_is_better = False

    def __init__(self, exercise: str, thresholds: tuple[tuple[float, int], ...]) -> None:
        self.exercise, self.thresholds = exercise, thresholds
        self.hints = {**WEIGHTS_HINTS, **read_hints(exercise)["model"]}
        probes = {"predict_with_weights": type(self).probe}
        self.question = Question("model", "", probes, {"predicts": self.predicts}, self.hints)

    @abstractmethod
    def checked(self, called: str, got: Any, images: Tensor) -> Pred:
        """Return what the model answered for `images`, or raise `Wrong`."""

    @abstractmethod
    def validation(self) -> Scenes:
        """Return the set on which the notebook's check scores."""

    @abstractmethod
    def score(self, pred: Pred, data: Scenes) -> float:
        """Return the score of predictions for `data`."""

    def show(self, score: float) -> str:
        """Return a score with its unit."""
        return f"{score:.{self.digits}f}{self.unit}"

    def predicts(
        self, ask: Ask, rng: np.random.RandomState, oracle: Oracle | None, images: Tensor, weights: str
    ) -> Pred:
        """Return what the model answers for uint8 `images` (N, 3, H, W); whoever asks scores it."""
        called = f"build_model(), with the weights of {weights}"
        got = ask("predict_with_weights", images=images, weights=weights)
        if isinstance(got, dict) and "problem" in got:
            mistake = got["problem"]
            raise Wrong(called, got["message"], "a network and a file of its weights", self.hints[mistake], mistake)
        return self.checked(called, got, images)

    @property
    def steps(self) -> list[tuple[float, int]]:
        """The thresholds, each with the points that it adds to those before."""
        before = [0, *(points for _, points in self.thresholds)]
        return [(threshold, points - less) for (threshold, points), less in zip(self.thresholds, before, strict=False)]

    def reaches(self, score: float, threshold: float) -> bool:
        """Return whether a score earns the points of a threshold; NaN earns none."""
        return score >= threshold if self.higher_is_better else score <= threshold

    def points_at(self, score: float) -> int:
        """Return the points that a model with this score earns."""
        return max((points for threshold, points in self.thresholds if self.reaches(score, threshold)), default=0)

    def promised_at(self, score: float) -> int:
        """Return the points that a model with this score on the validation set earns on held-out scenes, too."""
        return self.points_at(score * (1 - self.margin if self.higher_is_better else 1 + self.margin))

    def standing(self, score: float) -> str:
        """Return the points that a score on the validation set stands for, in words."""
        points, promised = self.points_at(score), self.promised_at(score)
        if points == promised:
            return f"{points} points"
        near = next(threshold for threshold, earned in self.thresholds if earned == points)
        safe = self.show(near / (1 - self.margin if self.higher_is_better else 1 + self.margin))
        word = "more" if self.higher_is_better else "less"
        return (
            f"{promised} points, perhaps {points}: close to the threshold of {near:g}{self.unit}, and in grading other "
            f"scenes decide. With about {safe} or {word} you are on the safe side"
        )

    def too_far(self, score: float, threshold: float) -> Wrong:
        """Return the verdict on a model whose score misses a threshold that earns points."""
        bound, word = ("at least", "more") if self.higher_is_better else ("at most", "less")
        got, wanted = self.show(score), f"{threshold:g}{self.unit}"
        hint = f"{got} on held-out scenes; {wanted} or {word} earn the next points. {self.hints['too_far']}"
        return Wrong("build_model(), on held-out scenes", got, f"{bound} {wanted}", hint, "too_far")

    def check(self, build_model: Any, weights_path: str) -> None:
        """Print the score of the trained model on the validation set and the points that it promises.

        As in grading a network is built anew and takes its weights from the file alone, under the same limits and
        rules (`probes/weights.py`). Not in a process of its own, for there the notebook's classes would be missing: a
        `build_model` that hands out the network that was trained is told by its giving the same one twice.

        Raises:
            CheckFailed: under DEEP_LEARNING_LAB_STRICT=full, where these are not all points, with the margin.
        """
        val = self.validation()
        started, promised = time.monotonic(), 0

        def sentence(pred: Pred) -> str:
            seconds = time.monotonic() - started
            score = self.score(pred, val)
            nonlocal promised
            promised = self.promised_at(score)
            bound = "from" if self.higher_is_better else "up to"
            steps = ", ".join(f"{points} {bound} {threshold:g}{self.unit}" for threshold, points in self.thresholds)
            found = f"{self.measure} {self.show(score)} on the validation set"
            said = f"model: {found}, {self.standing(score)} ({steps})."
            if demands_full_points() and promised < self.thresholds[-1][1]:
                raise CheckFailed(said)
            return said + SLOW.format(seconds, QUESTION_SECONDS) * (seconds > QUESTION_SECONDS) + _kept(build_model)

        facts = {"images": val.images, "weights": str(weights_path)}
        passed = run_check(self.question, build_model, None, facts, sentence)
        note(self.exercise, "model", build_model, passed, promised)


class PoseModel(TrainedModel[Tensor, "PoseSet"]):
    """For networks that answer keypoints (B, 17, 2), alone or first of a pair: MPJPE in pixels at 128 x 128."""

    measure, unit, digits, probe = "MPJPE", " px", 1, staticmethod(predict_with_weights)

    def checked(self, called: str, got: Any, images: Tensor) -> Tensor:
        if isinstance(got, Tensor) and got.ndim == 4 and "pair_swapped" in self.hints:
            expected = "a pair: keypoints (B, 17, 2) and scores (B, 17, h, w)"
            raise Wrong(called, show(got), expected, self.hints["pair_swapped"], "pair_swapped")
        return checked_keypoints(called, got, (len(images), 17, 2))

    def validation(self) -> PoseSet:
        from helpers.data.rendered import rendered_people

        return rendered_people("val")

    def score(self, pred: Tensor, data: PoseSet) -> float:
        return mean_error(pred, data.keypoints, data.visible)


class SegmentationModel(TrainedModel[Tensor, "SegmentationSet"]):
    """For networks that answer logits (B, 6, H, W): mean IoU over the classes of the rendered people."""

    measure, probe = "mIoU", staticmethod(segment_with_weights)
    higher_is_better = True
    num_classes = 6

    def checked(self, called: str, got: Any, images: Tensor) -> Tensor:
        """Return the class of every pixel, int64 (N, H, W), or raise `Wrong`."""
        height, width = images.shape[-2:]
        expected = f"float logits of shape (B, {self.num_classes}, {height}, {width})"
        refuse_exception(called, got, expected, self.hints)
        shape = got.get("shape") if isinstance(got, dict) else None
        if not isinstance(shape, list):
            kind = got.get("type", "something else") if isinstance(got, dict) else "something else"
            raise Wrong(called, str(kind), expected, self.hints["not_logits"], "not_logits")
        if shape[1:] != [self.num_classes, height, width]:
            got = f"logits of shape (B, {', '.join(map(str, shape[1:]))})"
            raise Wrong(called, got, expected, self.hints["logits_shape"], "logits_shape")
        labels = got.get("labels")
        fits = isinstance(labels, Tensor) and labels.dtype == torch.uint8
        if not fits or labels.shape != (len(images), height, width) or (labels >= self.num_classes).any():
            raise Wrong(called, show(labels), expected, self.hints["not_logits"], "not_logits")
        found: Tensor = labels.long()
        return found

    def validation(self) -> SegmentationSet:
        from helpers.data.rendered import rendered_segmentation

        return rendered_segmentation("val")

    def score(self, pred: Tensor, data: SegmentationSet) -> float:
        return class_agreement(pred, data.masks, self.num_classes)


class PeopleModel(TrainedModel[list[Tensor], "PeopleSet"]):
    """For systems that answer the people of each image, a list of (N, 17, 3): AP by OKS."""

    measure, probe = "AP", staticmethod(people_with_weights)
    higher_is_better = True
    on_validation = 128  # images; grouping takes its time
    most = 100  # people of an image that are handed on; AP looks at the 30 most confident ones

    def checked(self, called: str, got: Any, images: Tensor) -> list[Tensor]:
        """Return the people of each image, float (N, 17, 3), or raise `Wrong`."""
        expected = "a list with a tensor (N, 17, 3) for each image"
        refuse_exception(called, got, expected, self.hints)
        people = got.get("people") if isinstance(got, dict) else None
        if not isinstance(people, list) or len(people) != len(images):
            kind = str(got.get("type", "something else")) if isinstance(got, dict) else "something else"
            raise Wrong(called, kind, expected, self.hints["not_people"], "not_people")
        for found in people:
            fits = isinstance(found, Tensor) and found.ndim == 3 and found.shape[1:] == (17, 3)
            if not fits or found.dtype != torch.float32 or not found.isfinite().all():
                raise Wrong(called, show(found), expected, self.hints["not_people"], "not_people")
        return [self.most_confident(found) for found in people]

    def most_confident(self, found: Tensor) -> Tensor:
        """Return the most confident of these people (N, 17, 3), in the order given: to score all that fit into a reply
        would take minutes, and say the same."""
        confidence = found[:, :, 2].double().mean(dim=1)
        return found[confidence.argsort(descending=True, stable=True)[: self.most].sort().values]

    def validation(self) -> PeopleSet:
        from helpers.data.rendered import rendered_crowds

        return rendered_crowds("val")[: self.on_validation]

    def score(self, pred: list[Tensor], data: PeopleSet) -> float:
        from helpers.metrics.oks import average_precision

        return average_precision(pred, data)["AP"]


# One of each exercise, in their order.
REGRESSION_MODEL = PoseModel("ex01_pose_regression", ((21.0, 2), (18.0, 4), (15.0, 6)))
SOFTARGMAX_MODEL = PoseModel("ex02_softargmax", ((16.0, 2), (13.0, 4), (11.0, 6)))
SEGMENTATION_MODEL = SegmentationModel("ex03_segmentation", ((0.28, 2), (0.36, 4), (0.42, 6)))
PEOPLE_MODEL = PeopleModel("ex04_multi_person", ((0.2, 2), (0.28, 4), (0.36, 6)))
