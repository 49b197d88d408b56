"""The reference `group_people` on a crowd, and how it scores all candidates at once, against a plain loop over them."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from typing import Any

from benchmarks.row import Row, paired_ratio
from grading.course.course import Course
from helpers.files import ROOT

__all__ = ["rows"]

SIZE, WIDTH = (64, 96), 2.0  # fields at a quarter of 256 x 384 pixels
CROWDS = (5, 10, 20)
MOST_MS, TIMES_FASTER = 5.0, 20.0


def rows(rounds: int = 40, pairs: int = 11) -> list[Row]:
    """Return the time to group 20 people, loop time / reference time, and the largest difference; on one thread."""
    import torch

    answers = Course(ROOT, "ex04_multi_person").reference_answers()
    affinities = answers["group_people"].__globals__["affinities"]  # defined in the same cell
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        scenes = {people: _scene(answers["part_affinity_fields"], people) for people in CROWDS}
        found = [_grouping(answers["group_people"], scenes[CROWDS[-1]], rounds)]
        for people, scene in scenes.items():
            found += _scoring(affinities, people, scene, pairs)
    finally:
        torch.set_num_threads(threads)
    return found


def _scene(draw: Callable, people: int) -> tuple[list[Any], Any, Any]:
    """Return peaks, fields and limbs of so many people: keypoints anywhere in boxes of 24 x 32 pixels."""
    import torch

    from helpers.data.skeletons import COCO

    generator = torch.Generator().manual_seed(0)
    box, K = torch.tensor([24.0, 32.0]), COCO.num_keypoints
    corners = torch.rand(people, 1, 2, generator=generator) * (torch.tensor([SIZE[1] - 1.0, SIZE[0] - 1.0]) - box)
    keypoints = corners + torch.rand(people, K, 2, generator=generator) * box
    fields = draw(keypoints[None], torch.ones(1, people, K, dtype=torch.bool), COCO.limbs, SIZE, WIDTH)[0]
    rows = torch.cat([keypoints, torch.rand(people, K, 1, generator=generator)], dim=2)
    return [rows[torch.randperm(people, generator=generator), k] for k in range(K)], fields, COCO.limbs


def _grouping(group: Callable, scene: tuple, rounds: int) -> Row:
    peaks, fields, limbs = scene
    group(peaks, fields, limbs)
    times = []
    for _ in range(rounds):
        start = time.process_time()
        group(peaks, fields, limbs)
        times.append(1e3 * (time.process_time() - start))
    shape = f"{len(peaks)} keypoints, {len(limbs)} limbs, {SIZE[0]} x {SIZE[1]}"
    note = f"CPU time, {min(times):.2f} to {max(times):.2f} over {rounds} rounds; {shape}, one thread"
    return Row(f"group_people, {len(peaks[0])} people, ms", statistics.median(times), MOST_MS, False, note)


def _scoring(affinities: Callable, people: int, scene: tuple, pairs: int) -> list[Row]:
    import torch

    peaks, fields, limbs = scene

    places = torch.stack([found[:, :2] for found in peaks])  # (K, people, 2)

    def at_once() -> Any:
        return affinities(places, fields, limbs)  # (L, people, people)

    def loop() -> Any:
        listed = places.tolist()
        return torch.tensor(
            [
                [[_score_of_one(field, start, end) for end in listed[b]] for start in listed[a]]
                for field, (a, b) in zip(fields, limbs, strict=True)
            ]
        )

    ratio = paired_ratio(loop, at_once, pairs)
    apart = float((loop() - at_once()).abs().max())
    note = f"{len(limbs)} limbs of {people} x {people} candidates"
    return [
        Row(f"loop / all candidates at once, {people} people, time", ratio, TIMES_FASTER, note=f"{note}, one thread"),
        Row(f"loop, all at once, {people} people: largest difference", apart, 1e-5, False, note),
    ]


def _score_of_one(field: Any, start: list[float], end: list[float], num_samples: int = 10) -> float:
    """Return the affinity of one start and one end, asking the field sample by sample."""
    (x, y), (dx, dy) = start, (end[0] - start[0], end[1] - start[1])
    length, total = math.hypot(dx, dy), 0.0
    for sample in range(num_samples):
        share = sample / (num_samples - 1)
        column = min(max(round(x + share * dx), 0), SIZE[1] - 1)
        row = min(max(round(y + share * dy), 0), SIZE[0] - 1)
        fx, fy = field[:, row, column].tolist()
        total += fx * dx + fy * dy
    return total / length / num_samples if length else 0.0
