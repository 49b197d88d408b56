"""Checks of `SoftargmaxPose`: are the keypoints the soft argmax of exactly the scores returned, and does it learn?

Any layers pass. What ties keypoints to scores is checked without training (`score_ties.py`), on scores made to
stand out; then the network learns for a blink of an eye.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from helpers.checks.engine.compare import kind_of_no_tensor, show
from helpers.checks.engine.question import Ask, Oracle, Question, integers, read_hints
from helpers.checks.engine.values import Raised
from helpers.checks.networks.poses import STEPS, PoseNetwork
from helpers.checks.networks.score_ties import Ties, explain, is_hard
from helpers.checks.probes import poses as pose_probes

__all__ = ["SOFTARGMAX_POSE", "SoftargmaxNetwork"]

HINTS = read_hints("ex02_softargmax")["SoftargmaxPose"]
SIZE, STRIDE, KEYPOINTS = (48, 120), 8, 3  # of the images to learn from
EVALUATIONS = 60
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

    betrayed = (("Kernel size can't be greater", "missing_padding"), *PoseNetwork.betrayed)
    odd_sizes = (((48, 64), 1, 8), ((16, 80), 3, 16))  # one keypoint; maps of one row

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
            raise self.wrong(called, "for scores " + show(got), expected, kind_of_no_tensor(got))
        if got.ndim != 4 or got.shape[:2] != shape[:2] or got[0, 0].numel() < 2:
            alone = got.ndim == 3 and shape[0] == 1 and got.shape[0] == shape[1]
            mistake = "drops_the_batch_axis" if alone else "score_shape"
            raise self.wrong(called, "for scores " + show(got), expected, mistake)
        if not got.is_floating_point():
            raise self.wrong(called, "for scores " + show(got), expected, "dtype")
        return self.numbers(called, got, expected)

    def fits(self, called: str, got: Any, maps: tuple[int, int]) -> None:
        super().fits(called, got, maps)
        self.of_size(called, got[1], maps)

    def of_size(self, called: str, scores: Tensor, maps: tuple[int, int]) -> None:
        """Raise `Wrong` if scores are not of the backbone's size (h, w)."""
        found = tuple(scores.shape[2:])
        if found != maps:
            told = f"maps of {found[0]} x {found[1]}", f"maps of {maps[0]} x {maps[1]}, as the backbone's are"
            raise self.wrong(called, *told, _other_size(found, maps))

    def refuse(self, called: str, got: Any, expected: str = "a model") -> None:
        if isinstance(got, Raised) and got.type_name == "NotImplementedError" and "(images)" in called:
            if not got.message or 'missing the required "forward"' in got.message:
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
        _, scores = self.output(called, ask("predict", images=images), shape)
        self.of_size(called, scores, (size[0] // stride, size[1] // stride))
        for step in ("stir", "sharpen"):
            self.refuse(called, ask(step, images=images, **({"spread": SPREAD} if step == "sharpen" else {})))
        keypoints, scores = self.output(called, ask("predict", images=images), shape)
        if scores.flatten(2).std(dim=-1).max() < 1e-6:
            raise self.wrong(called, "the same score everywhere", "scores that depend on the image", "ignores_image")
        ties = explain(keypoints, scores, size, stride)
        if ties and is_hard(keypoints, scores) and not self._attached(ask, called, images):
            ties = Ties("hard_argmax")  # a very sharp soft argmax gives the same places, but with a gradient
        if ties:
            got = _extent(keypoints)
            expected = "keypoints that are the soft argmax of exactly the scores, (x + 0.5) * stride - 0.5"
            if ties.lines:
                got = f"x = {ties.lines[0]} and y = {ties.lines[1]} on the map"
                expected = f"{stride} * place + {(stride - 1) / 2:g} on both axes, as (place + 0.5) * {stride} - 0.5 is"
            raise self.wrong(called, got, expected, ties.mistake)

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
        self.owns_layers(ask, called)
        learned = ask("learn", images=images, targets=targets, evaluations=EVALUATIONS, again_from=0.1)
        self.refuse(called, learned)
        if not learned["attached"]:
            self.tied(ask, rng, called, shape, SIZE, STRIDE)  # a hard argmax, say
            raise self.wrong(called, "keypoints without gradient", "keypoints with a gradient", "detached_output")
        pred, scores = self.output(called + "(images)", ask("predict", images=fresh), (len(fresh), KEYPOINTS, 2))
        floor = float((scores == 0).double().mean())
        if scores.min() == 0 and not 0 < scores.max() <= 1 and floor > 0.05:
            got = f"scores of which {floor:.0%} are exactly 0 and none is below"
            raise self.wrong(called, got, "scores of either sign", "relu_on_scores")
        error = float((pred - truth).abs().mean())
        if error > 0.4 * float((targets.mean(dim=(0, 1)) - truth).abs().mean()):
            self.tied(ask, rng, called, shape, SIZE, STRIDE)
            got = f"keypoints that are {error:.1f} pixels off in x and y"
            expected = "after a short training, keypoints near the true ones"
            mistake = _why_not_learned(pred, scores, truth)
            raise self.wrong(called + ", trained, on fresh images", got, expected, mistake)


def _extent(keypoints: Tensor) -> str:
    """Return from where to where keypoints (B, K, 2) reach."""
    (left, top), (right, bottom) = keypoints.flatten(0, 1).aminmax(dim=0)
    return f"x from {left:.4g} to {right:.4g}, y from {top:.4g} to {bottom:.4g}"


def _other_size(found: tuple[int, ...], maps: tuple[int, int]) -> str:
    """Return why maps have another size (h, w) than the backbone's."""
    less = maps[0] - found[0]
    if less > 0 and less % 2 == 0 and maps[1] - found[1] == less:
        return "missing_padding"
    if found == maps[::-1]:
        return "maps_transposed"
    return "finer_maps" if found[0] > maps[0] and found[1] > maps[1] else "map_size"


def _why_not_learned(pred: Tensor, scores: Tensor, truth: Tensor) -> str:
    """Return which mistake keypoints (B, K, 2) show that training did not bring near the true ones."""
    if scores.min() >= 0 and scores.max() <= 1:
        return "sigmoid_on_scores"
    if (pred - pred[:, :1]).abs().max() < 1e-3:
        return "one_point_for_all"
    return "ignores_image" if pred.std(dim=0).max() < 1e-3 * truth.std(dim=0).max() else "does_not_learn"


NETWORK = SoftargmaxNetwork("SoftargmaxPose", HINTS)
SOFTARGMAX_POSE = Question(
    "SoftargmaxPose",
    "SoftargmaxPose is right: it learns, and its keypoints are the soft argmax of its scores, in pixels of the image.",
    {step: getattr(pose_probes, step) for step in (*STEPS, "sharpen")},
    {
        "consistent": NETWORK.consistent,
        "eval": NETWORK.treats_images_alone,
        "sizes": NETWORK.fits_sizes,
        "backbone": NETWORK.trains_backbone,
        "learns": NETWORK.looked_at_closer(NETWORK.learns),
    },
    HINTS,
)
