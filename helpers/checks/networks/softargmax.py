"""Checks of `SoftargmaxPose`: are the keypoints the soft argmax of exactly the scores returned, and does it learn?

Any layers, any size of maps and any inverse temperature pass. What ties keypoints to scores is checked without training
(`score_ties.py`), on scores that were made to stand out; then the network learns for a blink of an eye.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from helpers.checks.engine.compare import show
from helpers.checks.engine.question import Ask, Oracle, Question, integers, read_hints
from helpers.checks.engine.values import Raised
from helpers.checks.networks.poses import STEPS, PoseNetwork
from helpers.checks.networks.score_ties import explain, is_hard
from helpers.checks.probes import poses as pose_probes

__all__ = ["SOFTARGMAX_POSE", "SoftargmaxNetwork"]

HINTS = read_hints("ex02_softargmax")["SoftargmaxPose"]
SIZE, STRIDE, KEYPOINTS = (48, 128), 8, 3  # of the images to learn from
EVALUATIONS = 60
FINEST = 6  # scores for each pixel of the image; a head that doubles three times makes 4 of a stride of 4
SPREAD = 2.0  # of the scores within a map: peaks stand out, yet several pixels count


# Images.


def draw_cells(rng: np.random.RandomState, count: int, size: tuple[int, int], stride: int) -> Tensor:
    """Return images (count, 3, H, W) of a random colour per cell of `stride` pixels."""
    height, width = size
    cells = integers(rng, 0, 65, (count, 3, height // stride, width // stride)) / 64
    return torch.tensor(cells.repeat(stride, axis=2).repeat(stride, axis=3), dtype=torch.float32)


def draw_blobs(rng: np.random.RandomState, count: int) -> tuple[Tensor, Tensor]:
    """Return images in which each keypoint is the middle of a red, green or blue blob, and the keypoints."""
    height, width = SIZE
    keypoints = integers(rng, 4 * STRIDE, 4 * (np.array([width, height]) - STRIDE), (count, KEYPOINTS, 2)) / 4
    along_x = np.exp(-((np.arange(width) - keypoints[..., :1]) ** 2) / (2 * STRIDE**2))  # (count, K, W)
    along_y = np.exp(-((np.arange(height) - keypoints[..., 1:]) ** 2) / (2 * STRIDE**2))  # (count, K, H)
    noise = integers(rng, -64, 65, (count, 3, height // 4, width // 4)) / 64 * 0.02
    images = 0.1 + 0.8 * along_y[..., None] * along_x[..., None, :] + noise.repeat(4, axis=2).repeat(4, axis=3)
    return torch.tensor(images, dtype=torch.float32), torch.tensor(keypoints, dtype=torch.float32)


# Cases: they run beside the check, and see values only.


class SoftargmaxNetwork(PoseNetwork):
    """What is checked of networks that answer keypoints and scores."""

    def images(self, rng: np.random.RandomState, keypoints: int, size: tuple[int, int]) -> Tensor:
        return draw_cells(rng, 4, size, 4)

    def output(self, called: str, got: Any, shape: tuple[int, int, int]) -> tuple[Tensor, Tensor]:
        """Return keypoints (B, K, 2) and scores (B, K, h, w), or raise `Wrong`."""
        expected = f"a pair: keypoints of shape {shape} and scores of shape ({shape[0]}, {shape[1]}, h, w)"
        self.refuse(called, got, expected)
        if isinstance(got, Tensor):
            raise self.wrong(called, show(got), expected, "scores_only" if got.ndim == 4 else "keypoints_only")
        if not isinstance(got, list) or len(got) != 2:
            raise self.wrong(called, show(got), expected, "not_a_pair")
        keypoints, scores = got
        if isinstance(keypoints, Tensor) and isinstance(scores, Tensor) and keypoints.ndim == 4 and scores.ndim < 4:
            raise self.wrong(called, "scores first, keypoints second", expected, "pair_swapped")
        return self.keypoints(called, keypoints, shape), self.scores(called, scores, shape)

    def scores(self, called: str, got: Any, shape: tuple[int, int, int]) -> Tensor:
        """Return the scores that a network answered beside keypoints of `shape`, or raise `Wrong`."""
        expected = f"float32 scores of shape ({shape[0]}, {shape[1]}, h, w)"
        self.refuse(called, got, expected)
        if not isinstance(got, Tensor):
            raise self.wrong(called, show(got), expected, "type")
        if got.ndim != 4 or got.shape[:2] != shape[:2] or got[0, 0].numel() < 2:
            alone = got.ndim == 3 and shape[0] == 1 and got.shape[0] == shape[1]
            mistake = "drops_the_batch_axis" if alone else "score_shape"
            raise self.wrong(called, "for scores " + show(got), expected, mistake)
        if got.dtype != torch.float32:
            raise self.wrong(called, "for scores " + show(got), expected, "dtype")
        if not got.isfinite().all():
            raise self.wrong(called, "NaN or infinite scores", expected, "not_finite")
        return got

    def refuse(self, called: str, got: Any, expected: str = "a model") -> None:
        if isinstance(got, Raised) and got.type_name == "NotImplementedError" and "(images)" in called:
            raise self.wrong(called, show(got), expected, "needs_softargmax")
        super().refuse(called, got, expected)

    def consistent(self, ask: Ask, rng: np.random.RandomState, oracle: Oracle | None) -> None:
        """The keypoints are the soft argmax of exactly the scores returned, in pixels of the image."""
        for size, keypoints, stride in (((48, 80), 14, 8), ((96, 64), 5, 16), ((24, 36), 4, 4)):
            called = self.made(ask, rng, size, keypoints, stride)
            self.tied(ask, rng, called, (6, keypoints, 2), size, stride)

    def tied(
        self,
        ask: Ask,
        rng: np.random.RandomState,
        called: str,
        shape: tuple[int, int, int],
        size: tuple[int, int],
        stride: int,
    ) -> None:
        """Raise `Wrong` if the keypoints of the network that was built do not follow from its scores."""
        images, called = draw_cells(rng, shape[0], size, stride), called + "(images)"
        self.output(called, ask("predict", images=images), shape)
        for step in ("stir", "sharpen"):
            self.refuse(called, ask(step, images=images, **({"spread": SPREAD} if step == "sharpen" else {})))
        keypoints, scores = self.output(called, ask("predict", images=images), shape)
        expected = "keypoints that are the soft argmax of exactly the scores, (x + 0.5) * stride - 0.5"
        if scores.flatten(2).std(dim=-1).max() < 1e-6:
            raise self.wrong(called, "the same score everywhere", "scores that depend on the image", "ignores_image")
        (rows, columns), (height, width) = scores.shape[2:], size
        if rows * columns > FINEST * height * width:
            got, most = f"maps of {rows} x {columns}", f"maps of at most {FINEST} pixels for each of {height} x {width}"
            raise self.wrong(called, got, most, "too_many")
        if max(height * columns, width * rows) > 1.6 * min(height * columns, width * rows):
            got = f"maps of {rows} x {columns} for images of {height} x {width}"
            raise self.wrong(called, got, "maps of the shape of the images", "maps_transposed")
        mistake = explain(keypoints, scores, size, stride)
        if is_hard(keypoints, scores) and not self._attached(ask, called, images):
            mistake = "hard_argmax"  # a very sharp soft argmax gives the same places, but with a gradient
        if mistake:
            (left, top), (right, bottom) = (
                keypoints.flatten(0, 1).amin(dim=0).tolist(),
                keypoints.flatten(0, 1).amax(dim=0).tolist(),
            )
            got = f"x from {left:.4g} to {right:.4g}, y from {top:.4g} to {bottom:.4g}, maps {rows} x {columns}"
            raise self.wrong(called, got, expected, mistake)

    def _attached(self, ask: Ask, called: str, images: Tensor) -> bool:
        facts = ask("backpropagate", images=images)
        self.refuse(called, facts)
        attached: bool = facts["attached"]
        return attached

    def learns(self, ask: Ask, rng: np.random.RandomState, oracle: Oracle | None) -> None:
        """Train on images with blobs of colour, then find the blobs in images it has not seen."""
        images, targets = draw_blobs(rng, 24)
        fresh, truth = draw_blobs(rng, 48)
        called, shape = self.made(ask, rng, SIZE, KEYPOINTS, STRIDE), (len(images), KEYPOINTS, 2)
        self.output(called + "(images)", ask("predict", images=images), shape)
        learned = ask("learn", images=images, targets=targets, evaluations=EVALUATIONS, again_from=0.1)
        self.refuse(called, learned)
        if not learned["attached"]:
            self.tied(ask, rng, called, shape, SIZE, STRIDE)  # a hard argmax, say
            raise self.wrong(called, "keypoints without gradient", "keypoints with a gradient", "detached_output")
        pred, scores = self.output(called + "(images)", ask("predict", images=fresh), (len(fresh), KEYPOINTS, 2))
        floor = float((scores == 0).double().mean())
        if scores.min() == 0 and floor > 0.05:
            got = f"scores of which {floor:.0%} are exactly 0 and none is below"
            raise self.wrong(called, got, "scores of either sign", "relu_on_scores")
        error = float((pred - truth).abs().mean())
        if error > 0.4 * float((targets.mean(dim=(0, 1)) - truth).abs().mean()):
            self.tied(ask, rng, called, shape, SIZE, STRIDE)
            got = f"keypoints that are {error:.1f} pixels off in x and y"
            expected = "after a short training, keypoints near the true ones"
            mistake = _why_not_learned(pred, scores, truth)
            raise self.wrong(called + ", trained, on fresh images", got, expected, mistake)


def _why_not_learned(pred: Tensor, scores: Tensor, truth: Tensor) -> str:
    """Return which mistake keypoints (B, K, 2) show that training did not bring near the true ones."""
    if (pred - pred[:, :1]).abs().max() < 1e-3:
        return "one_point_for_all"
    if pred.std(dim=0).max() < 1e-3 * truth.std(dim=0).max():
        return "ignores_image"
    return "sigmoid_on_scores" if bool((scores >= 0).all() and (scores <= 1).all()) else "does_not_learn"


NETWORK = SoftargmaxNetwork("SoftargmaxPose", HINTS)
SOFTARGMAX_POSE = Question(
    "SoftargmaxPose",
    "SoftargmaxPose is right: it learns, and its keypoints are the soft argmax of its scores, in pixels of the image.",
    {step: getattr(pose_probes, step) for step in (*STEPS, "sharpen")},
    {
        "consistent": NETWORK.consistent,
        "learns": NETWORK.learns,
        "backbone": NETWORK.trains_backbone,
        "sizes": NETWORK.fits_sizes,
        "eval": NETWORK.treats_images_alone,
    },
    HINTS,
)
