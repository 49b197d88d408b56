"""The model question of every exercise on a slow machine: one core, and a busy neighbour on it.

    python -m benchmarks slow_machine --exercises ex01_pose_regression ex02_softargmax --seeds 0 1 2

The code is that of the solution's training cell, with another seed; what it saves is scored as in grading, on several
draws of held-out scenes. A score has to be 15 % better than full points ask for. The pace is that of a step beside that
of a short training on all cores, with no neighbour of ours.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.cells import in_a_folder_of_its_own
from benchmarks.row import Row, print_rows
from grading.course import held_out
from grading.course.course import Course
from grading.sample_class import ReferenceModel, reference_training
from helpers.checks.networks.trained import (
    PEOPLE_MODEL,
    REGRESSION_MODEL,
    SEGMENTATION_MODEL,
    SOFTARGMAX_MODEL,
    TrainedModel,
)
from helpers.files import ROOT

__all__ = ["main"]

DRAWS = 4
MODELS: dict[str, tuple[TrainedModel[Any, Any], Callable[[held_out.Examined, str], float]]] = {
    "ex01_pose_regression": (REGRESSION_MODEL, held_out.mpjpe_of),
    "ex02_softargmax": (SOFTARGMAX_MODEL, held_out.mpjpe_of),
    "ex03_segmentation": (SEGMENTATION_MODEL, held_out.mean_iou_of),
    "ex04_multi_person": (PEOPLE_MODEL, held_out.ap_of),
}
BEFORE = """
import json, time
from torch.optim.optimizer import register_optimizer_step_post_hook
moments = {}  # of every step, by the optimizer of its training
register_optimizer_step_post_hook(lambda optimizer, *_: moments.setdefault(optimizer, []).append(time.perf_counter()))
"""
AFTER = "\nprint(json.dumps(list(moments.values())[-1]))"  # the last training is the model's
NEIGHBOUR = "import os; mine = os.getppid()\nwhile os.getppid() == mine: pass"  # and it ends with whoever started it


@dataclass(frozen=True)
class Training:
    """What a training left: the file of weights, and the moment of every step in seconds."""

    weights: bytes
    moments: list[float]

    @property
    def pace(self) -> float:
        """Return the seconds of a typical step."""
        return statistics.median(b - a for a, b in zip(self.moments, self.moments[1:], strict=False))


@contextlib.contextmanager
def one_core_with_neighbour() -> Iterator[subprocess.Popen[bytes]]:
    """Let what is started in this block run on one core, which it shares with a program that never rests: this one."""
    if not hasattr(os, "sched_setaffinity"):
        raise SystemExit("python -m benchmarks slow_machine needs Linux, where a process can be held to one core.")
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    neighbour = subprocess.Popen([sys.executable, "-c", NEIGHBOUR])
    try:
        yield neighbour
    finally:
        neighbour.kill()
        neighbour.wait()
        os.sched_setaffinity(0, before)


def train(exercise: str, seed: int, factor: float = 1.0) -> Training:
    """Run the solution's training cell in a process and a folder of its own, with `factor` of its time."""
    code = BEFORE + reference_training(exercise).replace("helpers.set_seed(1)", f"helpers.set_seed({seed})") + AFTER
    shortly = {"DEEP_LEARNING_LAB_TIME_FACTOR": str(factor), "MPLBACKEND": "Agg", "PYTHONPATH": str(ROOT)}
    with in_a_folder_of_its_own(exercise) as work:
        command = [sys.executable, "-c", code]
        env = os.environ | shortly
        told = subprocess.run(command, check=True, env=env, stdout=subprocess.PIPE, text=True).stdout
        return Training((work / f"{exercise}.safetensors").read_bytes(), json.loads(told.splitlines()[-1]))


def scores(exercise: str, weights: bytes) -> list[float]:
    """Return the score of these weights on each draw of held-out scenes, as grading finds it."""
    found = []
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        Path(f"{exercise}.safetensors").write_bytes(weights)
        for draw in range(DRAWS):
            held_out.draw_from(b"benchmarks slow_machine, draw %d" % draw)
            submission = ReferenceModel(Course(ROOT, exercise))
            found.append(MODELS[exercise][1](submission, f"{exercise}.safetensors"))
    return found


def measured(exercise: str, seed: int, free: Training) -> Row:
    """Return the mean score on held-out scenes after a training on a slow machine."""
    with one_core_with_neighbour():
        slow = train(exercise, seed)
    model, found = MODELS[exercise][0], scores(exercise, slow.weights)
    threshold = model.thresholds[-1][0]
    points = ", ".join(str(model.points_at(score)) for score in found)
    took = f"{len(slow.moments)} steps in {slow.moments[-1] - slow.moments[0]:.0f} s"
    note = f"{points} points on {DRAWS} draws of scenes; {took}, a step takes {slow.pace / free.pace:.1f} times as long"
    what = f"{exercise}, {model.measure} on a slow machine, seed {seed}"
    reach = threshold / (1 - model.margin if model.higher_is_better else 1 + model.margin)
    return Row(what, statistics.mean(found), reach, model.higher_is_better, note)


def main(arguments: list[str]) -> int:
    """Print score and points of every exercise's model, for each seed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks slow_machine", description=main.__doc__)
    parser.add_argument("--exercises", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    options = parser.parse_args(arguments)
    rows = []
    for exercise in options.exercises:
        free = train(exercise, 1, factor=0.15)
        for seed in options.seeds:
            rows.append(measured(exercise, seed, free))
            print(rows[-1], flush=True)
    print_rows(rows)
    return 0
