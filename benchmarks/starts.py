"""What a start is worth on photos: softargmax on Leeds Sports Pose at 128 pixels, the same CPU seconds from each start.

    DEEP_LEARNING_LAB_LEEDS=/path/to/lspet python -m benchmarks starts --seconds 60
    ... python -m benchmarks starts --seconds 1800 --strongly       # at length, the same photos hundreds of times

Seconds are those of the processor, of one thread. PCK in torso lengths on the test photos; the answers are those of the
solutions.
"""

from __future__ import annotations

import argparse
import functools
import os
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F

import helpers
from benchmarks.cells import cpu_time
from benchmarks.row import Row, print_rows
from grading.course.course import Course
from helpers.data.poses import PoseSet
from helpers.files import ROOT

__all__ = ["main"]


def trunk() -> Any:
    """Return EfficientNet-Lite0 from ImageNet with its layers up to stride 4 kept: they are half of a step's time."""
    backbone = helpers.pretrainable_backbone(pretrained=True)
    for layer in backbone.layers[:6]:
        layer.requires_grad_(False)
    return backbone


# By name: the backbone, the learning rate, PCK@0.5 and PCK@0.2 to reach.
STARTS: dict[str, tuple[Callable[[], Any], float, float, float]] = {
    "ImageNet trunk, first layers kept": (trunk, 1e-3, 0.60, 0.22),
    "ImageNet trunk": (lambda: helpers.pretrainable_backbone(pretrained=True), 1e-3, 0.0, 0.0),
    "the same from scratch": (helpers.pretrainable_backbone, 1e-3, 0.0, 0.0),
    "baked backbone": (lambda: helpers.fine_backbone(pretrained=True), 3e-3, 0.54, 0.19),
    "fine backbone from scratch": (helpers.fine_backbone, 3e-3, 0.0, 0.0),
    "small backbone from scratch": (helpers.small_backbone, 3e-3, 0.0, 0.0),
}


@functools.cache
def answers(exercise: str) -> dict[str, Any]:
    """Return the solution's answers, by question."""
    return Course(ROOT, exercise).reference_answers()


AT_LENGTH = 1800, (0.70, 0.40)  # from so many seconds on, this is to be reached

# For hundreds of epochs of few photos: all are turned and scaled, and twice as far as by default.
STRONGLY = {"warped": 1.0, "rotation": 40.0, "scale": (0.7, 1.3), "translation": 0.1, "colour": 0.4}


def trained(start: str, seconds: float, train: PoseSet, val: PoseSet, seed: int, strongly: bool) -> Any:
    """Return a softargmax network trained for so long, on photos that are changed as by default or `STRONGLY`."""
    make, lr, *_ = STARTS[start]
    mpjpe, pose = answers("ex01_pose_regression")["mpjpe"], answers("ex02_softargmax")["SoftargmaxPose"]
    helpers.set_seed(seed)
    network = pose(make(), train.skeleton.num_keypoints, train.image_size)

    def loss(output: Any, batch: Any) -> torch.Tensor:
        return F.l1_loss(output[0][batch["visible"]], batch["keypoints"][batch["visible"]])

    with cpu_time():
        history = helpers.fit(
            network, train, val, loss=loss, max_seconds=seconds, lr=lr, train_metrics=False, seed=seed, progress=False,
            augment=helpers.augment.pose(train.skeleton, **(STRONGLY if strongly else {})),
            metrics={"MPJPE": lambda output, batch: mpjpe(output[0], batch["keypoints"], batch["visible"])},
        )  # fmt: skip
    print(f"{start}, seed {seed}: {history.seconds:.0f} s, {len(history)} epochs", flush=True)
    return network


def scores(network: Any, test: PoseSet) -> tuple[float, float]:
    """Return PCK@0.5 and PCK@0.2 in torso lengths, over the people whose torso is visible."""
    pck, pred = answers("ex01_pose_regression")["pck"], helpers.predict(network, test)[0]
    torso = test.skeleton.torso_length(test.keypoints, test.visible)
    known = torso.isfinite()
    of_known = pred[known], test.keypoints[known], test.visible[known]
    return tuple(float(pck(*of_known, share * torso[known])) for share in (0.5, 0.2))  # type: ignore[return-value]


def main(arguments: list[str]) -> int:
    """Print PCK from each start."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks starts", description=main.__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seeds", nargs="+", type=int, default=[1])
    parser.add_argument("--starts", nargs="+", choices=STARTS, default=list(STARTS))
    parser.add_argument("--strongly", action="store_true", help="change all training photos, and twice as much")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    os.environ["OMP_NUM_THREADS"] = "1"
    train, val, test = (helpers.load_poses("leeds_sports", split) for split in ("train", "val", "test"))
    rows = []
    for start in options.starts:
        for seed in options.seeds:
            found = scores(trained(start, options.seconds, train, val, seed, options.strongly), test)
            goals = AT_LENGTH[1] if options.seconds >= AT_LENGTH[0] else STARTS[start][2:]
            for name, value, reach in zip(("PCK@0.5", "PCK@0.2"), found, goals, strict=True):
                rows.append(Row(f"{start}, {name}, seed {seed}", value, reach, note=f"{options.seconds:g} CPU-s"))
    print_rows(rows)
    return 0
