"""A sample class for each exercise, graded by stock nbgrader, with the marks that each submission deserves.

`python -m grading sample-class` writes them to grading/sample, lets nbgrader grade them, and prints both marks. That
folder has a gradebook of its own: a real class in grading/ stays as it is.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from grading.course import held_out
from grading.course.course import Course, module_at
from grading.course.release import ROOT, generate
from grading.course.secret import course_secret
from grading.errors import GradingError
from grading.report import Report
from grading.reporting.overview import write_overview
from grading.sample_submissions import EXERCISE, SUBMISSIONS
from grading.sample_submissions.taken import needed_by, used
from grading.submission.roles import is_setup, question_of
from helpers.checks.engine.judge import no_oracle
from helpers.checks.engine.question import Wrong, case_rng, local_ask

SAMPLE = ROOT / "grading" / "sample"
# nbgrader, started in there, does as in the course's own folder: it would grade this class without isolation.
CONFIG = f"c = get_config()\nc.CourseDirectory.root = {str(ROOT)!r}\n"
IN_SAMPLE = (
    "--CourseDirectory.submitted_directory=grading/sample/submitted",
    "--CourseDirectory.autograded_directory=grading/sample/autograded",
    "--CourseDirectory.feedback_directory=grading/sample/feedback",
    "--Grading.reports=grading/sample/reports",
    "--db=sqlite:///grading/sample/gradebook.db",  # from the course's root, whose name may hold anything
)

__all__ = [
    "ReferenceModel",
    "answer_sources",
    "deserved_marks",
    "grade_classes",
    "model_points",
    "reference_training",
    "table",
    "trained_weights",
    "weights_at_hand",
    "write_class",
]


def _solution(exercise: str) -> list[dict[str, Any]]:
    """Return the cells of the solution notebook; sources are strings."""
    notebook = json.loads((ROOT / "solutions" / exercise / f"{exercise}.ipynb").read_text())
    return [{**cell, "source": "".join(cell["source"])} for cell in notebook["cells"]]


def answer_sources(exercise: str = EXERCISE) -> dict[str, str]:
    """Return the source of every answer cell of the solution notebook by its question's name."""
    found = {}
    for cell in _solution(exercise):
        meta = cell["metadata"].get("nbgrader", {})
        if meta.get("solution") and cell["cell_type"] == "code":
            found[meta["grade_id"]] = re.sub(r" *### (BEGIN|END) SOLUTION\n?", "", cell["source"])
    return found


def trained_weights(exercise: str = EXERCISE) -> bytes:
    """Return weights trained by the solution's own cells; what is not at hand is trained, which takes minutes. Of an
    exercise without the question `model` there are none to hand in: no bytes."""
    if "model" not in answer_sources(exercise):
        return b""
    if (weights := weights_at_hand(exercise)) is not None:
        return weights
    path = _cached(exercise)
    path.parent.mkdir(parents=True, exist_ok=True)
    print(f"training the network of the sample class of {exercise} once (a minute or three) ...", flush=True)
    command = [sys.executable, "-c", reference_training(exercise)]
    with tempfile.TemporaryDirectory(dir=path.parent) as scratch:  # weights that still change are at nobody's hand
        for solution in (ROOT / "solutions").glob("ex*"):  # a later exercise reads the answers to an earlier one
            if solution.name < exercise:
                shutil.copytree(solution, Path(scratch) / "solutions" / solution.name)
        work = Path(scratch) / "solutions" / exercise
        work.mkdir(parents=True)
        subprocess.run(command, cwd=work, check=True, env={**os.environ, "MPLBACKEND": "Agg"})
        os.replace(work / path.name, path)
    return path.read_bytes()


def weights_at_hand(exercise: str) -> bytes | None:
    """Return weights that a run of the solution notebook left beside it, or an earlier training; None without any."""
    notebook = Course(ROOT, exercise).notebook_path("solutions")
    left, cached = notebook.with_suffix(".safetensors"), _cached(exercise)
    if left.is_file() and left.stat().st_mtime > notebook.stat().st_mtime:
        return left.read_bytes()
    return cached.read_bytes() if cached.is_file() else None


def _cached(exercise: str) -> Path:
    """Return where weights of just this training are kept, those of a shortened one apart."""
    factor = os.environ.get("DEEP_LEARNING_LAB_TIME_FACTOR", "")
    key = hashlib.sha256((reference_training(exercise) + factor).encode()).hexdigest()[:16]
    return ROOT / "grading" / "cache" / f"sample-weights-{key}" / f"{exercise}.safetensors"


def reference_training(exercise: str = EXERCISE) -> str:
    """Return what trains and saves the model in the solution notebook, as one script.

    That is the setup, the cell `training` up to the statement that saves, and of the cells between them every statement
    that defines what is needed, directly or not: no pictures and no other network's training.
    """
    code = [cell for cell in _solution(exercise) if cell["cell_type"] == "code" and question_of(cell) is None]
    place = next(place for place, cell in enumerate(code) if cell["id"] == "training")
    found = _up_to_saving(code[place]["source"])
    before = [cell for cell in code[:place] if not is_setup(cell)]
    statements = [(statement, cell["source"]) for cell in before for statement in ast.parse(cell["source"]).body]
    needed = set().union(*map(used, ast.parse("\n".join(found)).body))
    return "\n\n".join([*(cell["source"] for cell in code if is_setup(cell)), *needed_by(needed, statements), *found])


def _up_to_saving(source: str) -> list[str]:
    """Return the statements of the training cell up to the one that saves: what follows may need other networks."""
    statements = [ast.get_source_segment(source, statement) or "" for statement in ast.parse(source).body]
    return statements[: next(place for place, text in enumerate(statements) if "save_to=" in text) + 1]


def write_class(folder: Path, weights: bytes, exercise: str = EXERCISE) -> dict[str, dict[str, float]]:
    """Write every sample submission to `exercise` below `folder`; return the deserved marks by student and question."""
    release, answers, deserved = Course(ROOT, exercise).released, answer_sources(exercise), {}
    for student, make in SUBMISSIONS[exercise].items():
        made = make(release, answers, weights)
        target = folder / student / exercise
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        text = made.notebook if isinstance(made.notebook, str) else json.dumps(made.notebook, indent=1)
        (target / f"{exercise}.ipynb").write_text(text)
        for name, data in made.files.items():
            (target / name).write_bytes(data)
        deserved[student] = made.deserved
    return deserved


class ReferenceModel:
    """What the fixture `submission` of hidden checks offers, for the reference's model in this process."""

    def __init__(self, course: Course) -> None:
        self.question, self.answer = course.questions["model"], course.reference_answers()["model"]

    def examine(self, name: str, case: str, **facts: Any) -> Any:
        """Run one case that needs no oracle."""
        ask, rng = local_ask(self.question, self.answer), case_rng("sample", name, case)
        return self.question.cases[case](ask, rng, no_oracle, **facts)


def model_points(exercise: str, weights: bytes, secret: Path = ROOT / "grading" / "course_secret") -> float:
    """Return what the trained network deserves: the points of its score on the held-out scenes, found in this process.

    Training is by the clock, so that a slow machine's network may earn less than all. Scenes of another `secret` are
    others, on which a score near a border may lie beyond it.
    """
    test = module_at(Course(ROOT, exercise).hidden_module).test_model_on_held_out_scenes
    held_out.draw_from(course_secret(secret))  # whatever was graded here before
    steps = next(mark.args[1] for mark in test.pytestmark if mark.name == "parametrize")
    submission, points = ReferenceModel(Course(ROOT, exercise)), 0.0
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        Path(f"{exercise}.safetensors").write_bytes(weights)
        for step in steps:
            with contextlib.suppress(Wrong):
                test(submission, *step.values)
                points += sum(mark.args[1] for mark in step.marks)
    return points


def deserved_marks(folder: Path, weights: bytes, exercise: str) -> dict[str, dict[str, float]]:
    """Write the class, and return the deserved marks; right models deserve what the weights earn."""
    deserved, full = write_class(folder, weights, exercise), Course(ROOT, exercise).maxima.get("model")
    if full is None:
        return deserved
    earned = model_points(exercise, weights)
    return {
        student: {**marks, "model": earned} if marks["model"] == full else marks for student, marks in deserved.items()
    }


def graded_marks(exercise: str, student: str) -> dict[str, float]:
    """Return what the report of one student says, by question, extra points included; nothing without a report."""
    try:
        report = Report.read(SAMPLE / "reports" / exercise / f"{student}.json")
    except GradingError:
        return {}
    return {name: question.points + question.bonus for name, question in report.questions.items()}


def table(exercise: str, deserved: dict[str, dict[str, float]]) -> tuple[str, bool]:
    """Return the deserved and given marks side by side, and whether they all agree."""
    lines = [f"{exercise:32}{'deserved':>10}{'given':>8}   what it is"]
    fair = True
    for student, marks in deserved.items():
        given = graded_marks(exercise, student)
        fair &= given == marks
        what = (SUBMISSIONS[exercise][student].__doc__ or "").rstrip(".")
        flag = "" if given == marks else "  <-- not as deserved"
        lines.append(f"{student:32}{sum(marks.values()):10g}{sum(given.values()):8g}   {what}{flag}")
    return "\n".join(lines), fair


def nbgrader(*arguments: str) -> None:
    """Run a stock nbgrader command from the course's root on the sample class; its log goes to grading/sample.

    Raises:
        GradingError: it failed, with the errors in its log.
    """
    print("$ nbgrader", *arguments, flush=True)
    path = SAMPLE / "nbgrader.log"
    with path.open("a") as log:
        before = log.tell()
        command = [sys.executable, "-m", "nbgrader", *arguments, *IN_SAMPLE]
        status = subprocess.run(command, cwd=ROOT, stdout=log, stderr=log, check=False).returncode
    if status:
        said = path.read_bytes()[before:].decode(errors="backslashreplace").splitlines()
        errors = [line for line in said if "| ERROR]" in line] or said[-10:]
        raise GradingError("\n".join([*errors, f"nbgrader {arguments[0]} ended with status {status}; see {path}"]))


def grade(exercise: str) -> dict[str, dict[str, float]]:
    """Write the sample class of one exercise, let nbgrader grade it, and return the deserved marks."""
    weights = trained_weights(exercise)
    generate([exercise], SAMPLE / "release", gradebook="sqlite:///grading/sample/gradebook.db")
    deserved = deserved_marks(SAMPLE / "submitted", weights, exercise)
    nbgrader("autograde", exercise)
    nbgrader("generate_feedback", exercise)
    return deserved


def grade_classes(exercises: Sequence[str]) -> bool:
    """Grade the sample classes of these exercises anew, print what came out, and return whether every mark is as
    deserved.

    Raises:
        GradingError: nbgrader failed.
    """
    shutil.rmtree(SAMPLE, ignore_errors=True)
    SAMPLE.mkdir(parents=True)
    (SAMPLE / "nbgrader_config.py").write_text(CONFIG)
    deserved = {exercise: grade(exercise) for exercise in exercises}
    nbgrader("export", f"--to={SAMPLE / 'marks.csv'}")
    tables = [table(exercise, marks) for exercise, marks in deserved.items()]
    folder = SAMPLE.relative_to(ROOT)
    print("", *(text for text, _ in tables), sep="\n\n")
    for exercise in deserved:
        write_overview(ROOT, exercise, SAMPLE / "overview" / f"{exercise}.html", SAMPLE / "reports")
    print(f"\nreports   {folder}/reports/<exercise>/<student>.json\noverview  {folder}/overview/<exercise>.html")
    print(f"feedback  {folder}/feedback/<student>/<exercise>/<exercise>.html\nmarks     {folder}/marks.csv")
    return all(fair for _, fair in tables)
