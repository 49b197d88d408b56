"""Seven submissions to exercise 2, each with the marks that it deserves written beside it, extra points included.

Each function makes one submission from the released notebook; its docstring says what is special about it.
"""

from __future__ import annotations

import copy

from grading.sample_submissions.handing_in import HandedIn, by_name, filled, with_crash_and_endless_loop
from grading.sample_submissions.taken import mistakes, right
from grading.submission.roles import NotebookData

__all__ = ["EXERCISE", "SUBMISSIONS"]

EXERCISE = "ex02_softargmax"
WEIGHTS = f"{EXERCISE}.safetensors"
FULL = {
    "gaussian_scoremaps": 4.0, "scoremap_loss": 3.0, "argmax_decode": 3.0, "softargmax": 6.0, "SoftargmaxPose": 6.0,
    "lean_softargmax": 3.0, "model": 6.0,
}  # fmt: skip
WITHOUT_BONUS = {**FULL, "lean_softargmax": 0.0}


def only(**marks: float) -> dict[str, float]:
    """Return marks of 0 but for those named."""
    return {**dict.fromkeys(FULL, 0.0), **marks}


def ada_perfect(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """The reference answers, the one for extra points too, with trained weights."""
    return HandedIn(filled(release, answers), FULL, {WEIGHTS: weights})


def ben_other_style(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """Right in another style: NumPy, loops, exponentials by hand, a learned temperature; no bonus question."""
    own = right(
        EXERCISE,
        gaussian_scoremaps="numpy",
        scoremap_loss="loops",
        argmax_decode="rows_then_columns",
        softargmax="exp_by_hand",
    )
    own |= right("ex02_softargmax_models", SoftargmaxPose="LearnedBeta")
    own["model"] = (
        answers["SoftargmaxPose"].replace("class SoftargmaxPose", "class Net")
        + """

def build_model():
    return Net(helpers.small_backbone(), 17, (128, 128))
"""
    )
    return HandedIn(filled(release, own), WITHOUT_BONUS, {WEIGHTS: weights})


def cem_half_done(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """The first two questions only; nothing trained."""
    done = {name: answers[name] for name in ("gaussian_scoremaps", "scoremap_loss")}
    return HandedIn(filled(release, done), only(gaussian_scoremaps=4.0, scoremap_loss=3.0))


def dua_untouched(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """The notebook as released."""
    return HandedIn(copy.deepcopy(release), only())


def eli_known_mistakes(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """Three known mistakes: rounded centres, x and y swapped, keypoints in pixels of the map; and a plain bonus."""
    wrong = mistakes(
        EXERCISE,
        gaussian_scoremaps="rounds_the_centre",
        softargmax="x_y_swapped",
        SoftargmaxPose="map_pixels",
        lean_softargmax="memory",
    )
    marks = only(scoremap_loss=3.0, argmax_decode=3.0, SoftargmaxPose=2.0, lean_softargmax=2.0)
    return HandedIn(filled(release, {**answers, **wrong}), marks, {WEIGHTS: weights})


def fay_crash_and_endless_loop(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """A scratch cell that ends the process, one that never ends, an answer that never returns; the rest is right."""
    notebook = with_crash_and_endless_loop(release, answers, "argmax_decode(scoremaps)")
    return HandedIn(notebook, {**FULL, "argmax_decode": 0.0}, {WEIGHTS: weights})


def gus_bonus_only(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """Only the bonus question, without the softargmax that it improves on."""
    return HandedIn(filled(release, {"lean_softargmax": answers["lean_softargmax"]}), only(lean_softargmax=3.0))


SUBMISSIONS = by_name(
    ada_perfect,
    ben_other_style,
    cem_half_done,
    dua_untouched,
    eli_known_mistakes,
    fay_crash_and_endless_loop,
    gus_bonus_only,
)
