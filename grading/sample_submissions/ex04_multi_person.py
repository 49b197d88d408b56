"""Eight submissions to exercise 4, each with the marks that it deserves written beside it.

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

EXERCISE = "ex04_multi_person"
WEIGHTS = f"{EXERCISE}.safetensors"
FULL = {
    "boxes_to_crops": 4.0, "crops_to_image": 2.0, "find_peaks": 4.0, "part_affinity_fields": 4.0,
    "affinity_score": 4.0, "match_limbs": 3.0, "group_people": 5.0, "model": 6.0, "add_offsets": 3.0,
}  # fmt: skip


def only(**marks: float) -> dict[str, float]:
    """Return marks of 0 but for those named."""
    return {**dict.fromkeys(FULL, 0.0), **marks}


def ada_perfect(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """The reference answers with trained weights, the bonus question included."""
    return HandedIn(filled(release, answers), FULL, {WEIGHTS: weights})


def ben_other_style(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """Right in another style: loops over boxes, pixels and people, bilinear samples, people merged limb by limb."""
    own = {
        **right("ex04_crops", boxes_to_crops="affine_grid", crops_to_image="homogeneous"),
        **right("ex04_peaks", find_peaks="filling", add_offsets="loop"),
        **right("ex04_fields", part_affinity_fields="person_by_person", affinity_score="bilinear"),
        **right("ex04_groups", match_limbs="argmax_until_nothing_is_left", group_people="limb_by_limb"),
        "model": answers["model"],
    }
    return HandedIn(filled(release, own), FULL, {WEIGHTS: weights})


def cem_half_done(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """The first two questions only; nothing trained."""
    done = {name: answers[name] for name in ("boxes_to_crops", "crops_to_image")}
    return HandedIn(filled(release, done), only(boxes_to_crops=4.0, crops_to_image=2.0))


def dua_untouched(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """The notebook as released."""
    return HandedIn(copy.deepcopy(release), only())


def eli_known_mistakes(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """Known mistakes: the way back adds before it scales, fields as long as their limbs, the sign of a score dropped,
    one wrist for two elbows."""
    wrong = mistakes(
        EXERCISE, crops_to_image="shift_before_matrix", affinity_score="unsigned", match_limbs="never_removed"
    )
    wrong["part_affinity_fields"] = answers["part_affinity_fields"].replace(
        "unit.nan_to_num())", "(end - start).nan_to_num())"
    )
    marks = {**FULL, "crops_to_image": 0.0, "part_affinity_fields": 0.0, "affinity_score": 0.0, "match_limbs": 0.0}
    return HandedIn(filled(release, {**answers, **wrong}), marks, {WEIGHTS: weights})


def fay_crash_and_endless_loop(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """A scratch cell that ends the process, one that never ends, an answer that never returns; the rest is right."""
    notebook = with_crash_and_endless_loop(release, answers, "match_limbs(starts, ends, scores, threshold=0.0)")
    return HandedIn(notebook, {**FULL, "match_limbs": 0.0}, {WEIGHTS: weights})


def gus_by_number(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """Takes the first peak of every kind as the first person, and so on; the model is judged beside a right one."""
    same = """
def group_people(peaks, fields, limbs):
    people = fields.new_zeros(max([len(p) for p in peaks], default=0), len(peaks), 3)
    for k, found in enumerate(peaks):
        people[: len(found), k] = found
    return people
"""
    return HandedIn(
        filled(release, {**answers, "group_people": same}), {**FULL, "group_people": 0.0}, {WEIGHTS: weights}
    )


def hal_damaged(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """All right, in a notebook with a copied, a renamed, a deleted and a moved cell."""
    notebook = with_damaged_cells(
        release, answers, copied="find_peaks", renamed="boxes_to_crops", deleted="group_people", moved="affinity_score"
    )
    return HandedIn(notebook, FULL, {WEIGHTS: weights})


SUBMISSIONS = by_name(
    ada_perfect,
    ben_other_style,
    cem_half_done,
    dua_untouched,
    eli_known_mistakes,
    fay_crash_and_endless_loop,
    gus_by_number,
    hal_damaged,
)
