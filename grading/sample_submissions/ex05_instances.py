"""Eight submissions to exercise 5, each with the marks that it deserves written beside it. No network is handed in.

Each function makes one submission from the released notebook; its docstring says what is special about it.
"""

from __future__ import annotations

import copy

from grading.sample_submissions.handing_in import (
    HandedIn,
    by_name,
    filled,
    with_crash_and_endless_loop,
    with_damaged_cells,
)
from grading.sample_submissions.taken import mistakes, right
from grading.submission.roles import NotebookData

__all__ = ["EXERCISE", "SUBMISSIONS"]

EXERCISE = "ex05_instances"
FULL = {"offset_targets": 5.0, "group_pixels": 5.0, "panoptic_quality": 6.0}


def only(**marks: float) -> dict[str, float]:
    """Return marks of 0 but for those named."""
    return {**dict.fromkeys(FULL, 0.0), **marks}


def ada_perfect(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """The reference answers."""
    return HandedIn(filled(release, answers), FULL)


def ben_other_style(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """Right in another style: one-hot masks of the whole batch, the best centre so far, counters of pairs."""
    own = right(EXERCISE, offset_targets="one_hot", group_pixels="best_so_far", panoptic_quality="counter")
    return HandedIn(filled(release, own), FULL)


def cem_half_done(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """The first question only."""
    return HandedIn(filled(release, {"offset_targets": answers["offset_targets"]}), only(offset_targets=5.0))


def dua_untouched(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """The notebook as released."""
    return HandedIn(copy.deepcopy(release), only())


def eli_known_mistakes(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """Known mistakes: the middle of the box for the centre of mass, offsets not looked at, a mean of the images."""
    wrong = mistakes(
        EXERCISE, offset_targets="middle_of_the_box", group_pixels="ignores_offsets", panoptic_quality="mean_of_images"
    )
    # a single centre has every pixel; of one image alone the mean is its score, in "values" and "half"
    return HandedIn(filled(release, wrong), only(group_pixels=1.0, panoptic_quality=3.0))


def fay_crash_and_endless_loop(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """A scratch cell that ends the process, one that never ends, an answer that never returns; the rest is right."""
    notebook = with_crash_and_endless_loop(release, answers, "panoptic_quality(pred, target)")
    return HandedIn(notebook, {**FULL, "panoptic_quality": 0.0})


def gus_first_person(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """Gives every pixel that shows somebody to the first person; the metric, judged beside it, is right."""
    same = "def group_pixels(offsets, person, centres):\n    return person.long() * min(len(centres), 1)"
    return HandedIn(filled(release, {**answers, "group_pixels": same}), {**FULL, "group_pixels": 1.0})


def hal_damaged(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """All right, in a notebook with a copied, a renamed, a deleted and a moved cell."""
    notebook = with_damaged_cells(
        release,
        answers,
        copied="group_pixels",
        renamed="offset_targets",
        deleted="panoptic_quality",
        moved="group_pixels",
    )
    return HandedIn(notebook, FULL)


SUBMISSIONS = by_name(
    ada_perfect,
    ben_other_style,
    cem_half_done,
    dua_untouched,
    eli_known_mistakes,
    fay_crash_and_endless_loop,
    gus_first_person,
    hal_damaged,
)
