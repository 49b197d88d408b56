"""Checks of pose networks: what all of them have in common, and does a regressor learn?

A network that regresses coordinates has no right output before it is trained, so the check trains it: on images whose
colour tells the pose, with a small backbone of our own, for a blink of an eye; then it must place keypoints on images
that it has not seen. Only a network whose output can reach every pixel, x first, passes.
"""

from __future__ import annotations

import functools
import re
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from helpers.checks.engine.compare import kind_of_no_tensor, show
from helpers.checks.engine.question import Ask, Case, Oracle, Question, Wrong, integers, read_hints
from helpers.checks.networks.network import Network
from helpers.checks.probes import poses as pose_probes

__all__ = [
    "PoseNetwork",
    "REGRESSOR",
    "STEPS",
    "checked_keypoints",
    "distance",
    "draw_mapping",
    "draw_scenes",
    "note_on_start",
]

HINTS = read_hints("ex01_pose_regression")["PoseRegressor"]
STEPS = ("build", "facts", "stir", "predict", "predict_alone", "predict_disturbed", "backpropagate", "learn")
# Four times as wide as high, and wider than the notebook's images: neither a height nor 128 in the width's place hides.
WIDE, CELL, KEYPOINTS = (48, 192), 8, 3
NOTEBOOK, NOTEBOOK_KEYPOINTS = 128, 17  # what stands in the notebook, and is taken for the only number there is
EVALUATIONS = 60
CROWD = 0.08  # of all keypoints, within a pixel of the rightmost: there is a border that x cannot pass
FAR_OFF = 8.0  # a start this many image sizes away is no start but a factor too many


# Cases: they run beside the check, and see values only.


def draw_scenes(
    rng: np.random.RandomState, mapping: np.ndarray, count: int, size: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """Return images whose colour, but for a little noise, tells the pose, and the keypoints by the linear `mapping`."""
    height, width = size
    colour = integers(rng, -64, 65, (count, 3)) / 64
    cells = integers(rng, -64, 65, (count, 3, 4, 4)) / 64 * 0.02
    images = 0.5 + 0.4 * colour[:, :, None, None] + cells.repeat(height // 4, axis=2).repeat(width // 4, axis=3)
    keypoints = (0.5 + 0.46 * np.einsum("kcz,nz->nkc", mapping, colour)) * [width - 1, height - 1]
    return torch.tensor(images, dtype=torch.float32), torch.tensor(keypoints, dtype=torch.float32)


def draw_mapping(rng: np.random.RandomState, keypoints: int) -> np.ndarray:
    """Return (K, 2, 3): each coordinate follows one colour channel mainly, so that poses fill the image."""
    mapping = integers(rng, -9, 10, (keypoints, 2, 3)) / 64
    mapping[0, :, :2] = [[0.7, 0.0], [0.0, 0.7]]  # at least one keypoint whose x and y are independent
    for keypoint in mapping[1:]:
        for coordinate in keypoint:
            coordinate[integers(rng, 0, 3, ())] = (-0.7, 0.7)[integers(rng, 0, 2, ())]
    return mapping


def checked_keypoints(called: str, got: Any, shape: tuple[int, int, int]) -> Tensor:
    """Return the keypoints that a network answered, or raise `Wrong`."""
    return PoseNetwork("", HINTS).keypoints(called, got, shape)


class PoseNetwork(Network):
    """What is checked of every class of pose networks: it can be built, fits all sizes, trains its backbone, and treats
    each image alone.
    """

    betrayed = (
        ("cannot be multiplied (1x", "flattens_the_batch"),
        ("shapes cannot be multiplied", "wrong_feature_count"),
        ("channels, but got", "fixed_channels"),
        ("more than 1 value per channel", "mixes_images"),
        (f"Provided sizes [{NOTEBOOK_KEYPOINTS}, 2]", "fixed_number_of_keypoints"),
        *Network.betrayed,
        ("is invalid for input of size", "wrong_feature_count"),
    )

    def images(self, rng: np.random.RandomState, keypoints: int, size: tuple[int, int]) -> Tensor:
        """Return four images (4, 3, H, W) that differ in what a network of this class looks at."""
        return draw_scenes(rng, draw_mapping(rng, keypoints), 4, size)[0]

    def made(self, ask: Ask, rng: np.random.RandomState, size: tuple[int, int], keypoints: int, stride: int) -> str:
        """Build a network; return how it was called. Whatever keeps it from being a model is `Wrong`."""
        called = (
            f"{self.name}(backbone with out_channels=8 and stride={stride}, num_keypoints={keypoints}, "
            f"image_size={size})"
        )
        facts = ask(
            "build",
            seed=int(integers(rng, 0, 2**31, ())),
            num_keypoints=keypoints,
            image_size=list(size),
            out_channels=8,
            stride=stride,
        )
        self.fresh(called, facts)
        return called

    def refuse(self, called: str, got: Any, expected: str = "a model") -> None:
        """Raise `Wrong` if `got` is an exception; a reshaping for one image or 17 keypoints is told by its numbers."""
        reshaped = re.search(r"shape '\[(.*)\]' is invalid for input of size (\d+)", getattr(got, "message", ""))
        if reshaped:
            sides = [int(side) for side in reshaped[1].split(",") if side.strip().lstrip("-").isdigit()]
            if len(sides) == 2 and sides[0] > 0 and sides[1] == 2:
                raise self.wrong(called, show(got), expected, "drops_the_batch_axis")
            if any(side % NOTEBOOK_KEYPOINTS == 0 for side in (*sides, int(reshaped[2]))):
                raise self.wrong(called, show(got), expected, "fixed_number_of_keypoints")
        super().refuse(called, got, expected)

    def output(self, called: str, got: Any, shape: tuple[int, int, int]) -> tuple[Tensor, ...]:
        """Return the parts of an output as float32, keypoints of `shape` (B, K, 2) first, or raise `Wrong`."""
        return (self.keypoints(called, got, shape),)

    def keypoints(self, called: str, got: Any, shape: tuple[int, int, int]) -> Tensor:
        """Return the keypoints that a network answered, or raise `Wrong`."""
        expected = f"float32 keypoints of shape {shape}"
        self.refuse(called, got, expected)
        if not isinstance(got, Tensor):
            raise self.wrong(called, show(got), expected, kind_of_no_tensor(got))
        if got.shape != shape:
            raise self.wrong(called, show(got), expected, _known_shapes(*shape[:2]).get(tuple(got.shape), "shape"))
        if not got.is_floating_point():
            raise self.wrong(called, show(got), expected, "rounds")
        return self.numbers(called, got, expected)

    def numbers(self, called: str, got: Tensor, expected: str) -> Tensor:
        """Return a part of an output as float32, or raise `Wrong`. More digits than that are the case of `sizes`."""
        if torch.finfo(got.dtype).eps > torch.finfo(torch.float32).eps:
            raise self.wrong(called, show(got), expected, "dtype")
        if not got.isfinite().all():
            raise self.wrong(called, "NaN or infinite numbers", expected, "not_finite")
        return got.float()

    def fits(self, called: str, got: Any, maps: tuple[int, int]) -> None:
        """Raise `Wrong` if a sound output is not float32; `maps` is the size (h, w) of the backbone's."""
        for part in got if isinstance(got, list) else [got]:
            if part.dtype != torch.float32:
                raise self.wrong(called, show(part), "float32, as the images are", "dtype")

    def owns_layers(self, ask: Ask, called: str) -> None:
        """Raise `Wrong` if a network that was called has no parameters but the backbone's."""
        if ask("facts")["own"] == 0:
            got, expected = "a model without parameters beside the backbone's", "layers that are trained and saved"
            raise self.wrong(called, got, expected, "unregistered_head")

    def alive(
        self, ask: Ask, rng: np.random.RandomState, size: tuple[int, int], keypoints: int, stride: int
    ) -> tuple[Tensor, str]:
        """Build a network and see that it looks at its image; return images and how it was called."""
        images = self.images(rng, keypoints, size)
        called = self.made(ask, rng, size, keypoints, stride)
        self.output(called + "(images)", ask("predict", images=images), (4, keypoints, 2))
        self.owns_layers(ask, called)
        self.refuse(called, ask("stir", images=images))
        got, *_ = self.output(called + "(images)", ask("predict", images=images), (4, keypoints, 2))
        close = 1e-6 * (1 + got.abs().max())
        if (got - got[:1]).abs().max() < close:
            same, expected = "the same keypoints for different images", "keypoints that depend on the image"
            raise self.wrong(called, same, expected, "ignores_image")
        if keypoints > 1 and (got - got[:, :1]).abs().max() < close:
            same, expected = "the same point for all keypoints", "as many places as there are keypoints"
            raise self.wrong(called, same, expected, "one_point_for_all")
        borders = ((got == 0) | (got == torch.tensor(size[::-1]))).all()  # a saturated sigmoid's, which rounds nothing
        if torch.equal(got, got.round()) and not borders:
            raise self.wrong(called, "whole numbers only", "keypoints between pixels, too", "rounds")
        return images, called

    def trains_backbone(self, ask: Ask, rng: np.random.RandomState, oracle: Oracle | None) -> None:
        """The backbone is part of the model, the output depends on it, and a gradient reaches it."""
        images, called = self.alive(ask, rng, (64, 48), 5, 8)
        facts = ask("backpropagate", images=images)
        self.refuse(called, facts)
        facts = {**ask("facts"), **facts}
        exist, attached = "parameters that exist after construction", "an output with a gradient"
        disturbed = ask("predict_disturbed", images=images)
        self.refuse(called, disturbed)
        before, after = (self.output(called, disturbed[when], (4, 5, 2))[0] for when in ("before", "after"))
        for wrong, got, expected, mistake in (
            (facts["late"], "parameters that the first forward made", exist, "lazy_layers"),
            (
                not facts["registered"],
                "a model without the backbone's parameters",
                "a model that owns its backbone",
                "unregistered_backbone",
            ),
            (
                torch.equal(before, after),
                "the same keypoints whatever the backbone's weights",
                "keypoints from the backbone's features",
                "ignores_backbone",
            ),
            (facts["frozen"], "a frozen backbone", "a backbone that can be trained", "frozen_backbone"),
            (not facts["attached"], "an output without gradient", attached, "detached_output"),
            (not facts["scores_attached"], "scores without gradient", attached, "detached_scores"),
            (
                not facts["reaches"],
                "no gradient in the backbone",
                "a gradient in every part of the model",
                "detached_backbone" if facts["reaches_head"] else "does_not_learn",
            ),
        ):
            if wrong:
                raise self.wrong(called, got, expected, mistake)

    def fits_sizes(self, ask: Ask, rng: np.random.RandomState, oracle: Oracle | None) -> None:
        """Oblong sizes both ways, several strides and numbers of keypoints, one keypoint, a batch of one."""
        for size, keypoints, stride in (((48, 80), 17, 8), ((128, 96), 4, 16), ((24, 36), 14, 4), *self.odd_sizes):
            images, called = self.alive(ask, rng, size, keypoints, stride)
            got = ask("predict", images=images[:1])
            self.output(called + "(one image)", got, (1, keypoints, 2))
            self.fits(called + "(one image)", got, (size[0] // stride, size[1] // stride))

    odd_sizes: ClassVar[tuple[tuple[tuple[int, int], int, int], ...]] = (((48, 64), 1, 8),)
    """More of `(size, keypoints, stride)`."""

    def treats_images_alone(self, ask: Ask, rng: np.random.RandomState, oracle: Oracle | None) -> None:
        """Images stay as they are; in eval mode the answer is always the same, and the same alone as in a batch."""
        images, called = self.alive(ask, rng, (48, 64), 6, 8)
        got = ask("predict_alone", images=images)
        self.refuse(called, got)
        if not torch.equal(got["images"], images):
            raise self.wrong(called + "(images)", "changed its images", "images as they were", "changes_its_arguments")
        together = self.output(called, got["together"], (4, 6, 2))
        again = self.output(called, got["again"], (4, 6, 2))
        alone = [self.output(called + "(one image)", one, (1, 6, 2)) for one in got["alone"]]
        twice, batch = called + ".eval(), twice", called + ".eval(), in a batch and alone"
        for part, repeated, parts in zip(together, again, map(torch.cat, zip(*alone, strict=True)), strict=True):
            close = 1e-4 * (1 + float(part.abs().max()))
            if (part - repeated).abs().max() > close:
                raise self.wrong(twice, "two different answers", "the same answer", "dropout_in_eval")
            if (part - parts).abs().max() > close:
                raise self.wrong(batch, "two different answers", "the same answer", "mixes_images")

    def looked_at_closer(self, case: Case) -> Case:
        """Return a case that trains, in which a network that did not learn is asked what the other cases ask first: it
        may have a reason."""

        @functools.wraps(case)
        def closer(ask: Ask, rng: np.random.RandomState, oracle: Oracle) -> Any:
            try:
                return case(ask, rng, oracle)
            except Wrong as wrong:
                if wrong.mistake in ("does_not_learn", "ignores_image", "fixed_size"):
                    self.treats_images_alone(ask, rng, oracle)
                    self.trains_backbone(ask, rng, oracle)
                raise

        return closer


def _known_shapes(images: int, keypoints: int) -> dict[tuple[int, ...], str]:
    """Return the mistake behind each wrong shape that can be told."""
    return {
        (images, NOTEBOOK_KEYPOINTS, 2): "fixed_number_of_keypoints",
        (images, 2 * NOTEBOOK_KEYPOINTS): "fixed_number_of_keypoints",
        (images, 2 * keypoints): "flat_output",
        (images, 2, keypoints): "axes_swapped",
        (images * keypoints, 2): "drops_the_batch_axis",
        (keypoints, 2): "drops_the_batch_axis",
        (2 * keypoints,): "drops_the_batch_axis",
        (2,): "drops_the_batch_axis",
    }


NETWORK = PoseNetwork("PoseRegressor", HINTS)


def learns(ask: Ask, rng: np.random.RandomState, oracle: Oracle | None) -> str | None:
    """Train on wide images, then place the keypoints of images it has not seen; return a note on a poor start."""
    mapping = draw_mapping(rng, KEYPOINTS)
    images, targets = draw_scenes(rng, mapping, 48, WIDE)
    fresh, truth = draw_scenes(rng, mapping, 48, WIDE)
    called, shape = NETWORK.made(ask, rng, WIDE, KEYPOINTS, CELL), (len(images), KEYPOINTS, 2)
    start = NETWORK.keypoints(called + "(images)", ask("predict", images=images), shape)
    NETWORK.owns_layers(ask, called)
    if (start.abs().mean(dim=(0, 1)) / torch.tensor([WIDE[1], WIDE[0]])).max() > FAR_OFF:
        got = f"keypoints around {start[..., 0].mean():.4g}, {start[..., 1].mean():.4g} before training"
        raise NETWORK.wrong(
            called, got, f"a start in or near the image of {WIDE[1]} x {WIDE[0]} pixels", "size_applied_twice"
        )
    learned = ask("learn", images=images, targets=targets, evaluations=EVALUATIONS)
    NETWORK.refuse(called, learned)
    if not learned["attached"]:
        raise NETWORK.wrong(called, "an output without gradient", "an output with a gradient", "detached_output")
    pred = NETWORK.keypoints(called + "(images)", ask("predict", images=fresh), shape)
    mistake = _diagnose(pred, targets, truth)
    if mistake:
        (left, top), (right, bottom) = pred.flatten(0, 1).amin(dim=0).tolist(), pred.flatten(0, 1).amax(dim=0).tolist()
        got = f"x from {left:.4g} to {right:.4g}, y from {top:.4g} to {bottom:.4g}"
        expected = f"after a short training, keypoints near the true ones, x up to {WIDE[1] - 1}, y up to {WIDE[0] - 1}"
        raise NETWORK.wrong(called + ", trained, on fresh images", got, expected, mistake)
    return note_on_start(start)


def _diagnose(pred: Tensor, targets: Tensor, truth: Tensor) -> str | None:
    """Return which mistake the predictions show, None if they are good: twice as near as the mean pose, at least."""
    if pred.abs().max() <= 1.01:
        return "normalised_output"
    if (pred - pred[:, :1]).abs().max() < 1e-3:
        return "one_point_for_all"
    widest = float(pred[..., 0].max())
    if WIDE[0] + 1 < widest < NOTEBOOK + 1 and (pred[..., 0] > widest - 1).double().mean() > CROWD:
        return "fixed_size"
    if distance(pred, truth) < 0.5 * distance(targets.mean(dim=0), truth):
        return None
    if torch.equal(pred, pred.round()):
        return "rounds"
    if pred.std(dim=0).max() < 0.02 * truth.std(dim=0).max():
        return "ignores_image"
    if widest <= WIDE[0] + 1:
        return "height_for_width"
    return "does_not_learn"


def distance(a: Tensor, b: Tensor) -> float:
    """Return how far apart two poses are, in sizes of the image: enough to tell near from far."""
    return float(((a - b) / torch.tensor([WIDE[1], WIDE[0]])).abs().mean())


def note_on_start(start: Tensor) -> str | None:
    """Return what to say of a network that starts far from the image (B, K, 2), None of one that starts in it."""
    height, width = WIDE
    x, y = start.mean(dim=(0, 1)).tolist()
    if -0.25 * width < x < 1.25 * width and -0.25 * height < y < 1.25 * height:
        return (
            None
            if x > 2 or y > 2
            else ("before training all keypoints lie near the corner (0, 0): right, but a poor start, slow to train.")
        )
    if abs(x - height / 2) < height / 4 and abs(y - width / 2) < width / 4:
        return "before training x lies near H / 2 and y near W / 2: right, but are height and width swapped?"
    where = f"({x:.0f}, {y:.0f}), outside the image of {width} x {height}"
    return f"before training the keypoints lie near {where}: right, but a poor start, slow to train."


REGRESSOR = Question(
    "PoseRegressor",
    "PoseRegressor is right: it learns every keypoint in pixels, x first, and trains its backbone.",
    {step: getattr(pose_probes, step) for step in STEPS},
    {
        "eval": NETWORK.treats_images_alone,
        "backbone": NETWORK.trains_backbone,
        "sizes": NETWORK.fits_sizes,
        "learns": NETWORK.looked_at_closer(learns),
    },
    HINTS,
)
