"""A sample class: ten submissions, graded by stock nbgrader, with the marks that each deserves.

`python -m grading sample-class` writes them to grading/sample, lets nbgrader grade them, and prints both marks. That
folder has a gradebook of its own: a real class in grading/ stays as it is.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from grading.errors import GradingError
from grading.release import ROOT, generate
from grading.report import Report
from grading.sample_submissions import EXERCISE, SUBMISSIONS, WEIGHTS, only

SAMPLE = ROOT / "grading" / "sample"
IN_SAMPLE = (
    "--CourseDirectory.submitted_directory=grading/sample/submitted",
    "--CourseDirectory.autograded_directory=grading/sample/autograded",
    "--CourseDirectory.feedback_directory=grading/sample/feedback",
    "--Grading.reports=grading/sample/reports",
    f"--db=sqlite:///{SAMPLE}/gradebook.db",
)

__all__ = ["answer_sources", "main", "reference_training", "table", "trained_weights", "write_class"]


def answer_sources(exercise: str = EXERCISE) -> dict[str, str]:
    """Return the source of every answer cell of the solution notebook by its question's name."""
    notebook = json.loads((ROOT / "solutions" / exercise / f"{exercise}.ipynb").read_text())
    found = {}
    for c in notebook["cells"]:
        meta = c["metadata"].get("nbgrader", {})
        if meta.get("solution") and c["cell_type"] == "code":
            found[meta["grade_id"]] = re.sub(r" *### (BEGIN|END) SOLUTION\n?", "", "".join(c["source"]))
    return found


def trained_weights(cache: Path = ROOT / "grading" / "cache") -> bytes:
    """Return weights trained by the solution's own cells, for about 75 seconds once, then from the cache."""
    code = reference_training()
    key = hashlib.sha256(code.encode()).hexdigest()[:16]
    path = cache / f"sample-weights-{key}" / WEIGHTS
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        print("training the sample class's network once (about 75 s) ...", flush=True)
        environment = {**os.environ, "MPLBACKEND": "Agg"}
        subprocess.run([sys.executable, "-c", code], cwd=path.parent, check=True, env=environment)
    return path.read_bytes()


TRAINING_CELLS = ("setup", "data", "mpjpe", "masked-l2-loss", "PoseRegressor", "losses", "model", "training")


def reference_training() -> str:
    """Return the cells of the solution notebook that train and save the model, as one script."""
    notebook = json.loads((ROOT / "solutions" / EXERCISE / f"{EXERCISE}.ipynb").read_text())
    sources = {c["id"]: "".join(c["source"]) for c in notebook["cells"]}
    return "\n\n".join(sources[name] for name in TRAINING_CELLS)


def write_class(folder: Path, weights: bytes, release: dict | None = None) -> dict[str, dict[str, float]]:
    """Write every sample submission below `folder` and return the deserved marks by student and question."""
    if release is None:
        release = json.loads((ROOT / "exercises" / EXERCISE / f"{EXERCISE}.ipynb").read_text())
    answers, deserved = answer_sources(), {}
    for student, make in SUBMISSIONS.items():
        made = make(release, answers, weights)
        target = folder / student / EXERCISE
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        text = made.notebook if isinstance(made.notebook, str) else json.dumps(made.notebook, indent=1)
        (target / f"{EXERCISE}.ipynb").write_text(text)
        for name, data in made.files.items():
            (target / name).write_bytes(data)
        deserved[student] = made.deserved
    return deserved


def graded_marks(student: str) -> dict[str, float]:
    """Return what the report of one student says, by question; 0 everywhere where there is no report."""
    try:
        report = Report.read(SAMPLE / "reports" / EXERCISE / f"{student}.json")
    except GradingError:
        return only()
    return {name: question.points for name, question in report.questions.items()}


def table(deserved: dict[str, dict[str, float]]) -> tuple[str, bool]:
    """Return the deserved and given marks side by side, and whether they all agree."""
    lines = [f"{'student':32}{'deserved':>10}{'given':>8}   what it is"]
    fair = True
    for student, marks in deserved.items():
        given = graded_marks(student)
        fair &= given == marks
        what = (SUBMISSIONS[student].__doc__ or "").rstrip(".")
        flag = "" if given == marks else "  <-- not as deserved"
        lines.append(f"{student:32}{sum(marks.values()):10g}{sum(given.values()):8g}   {what}{flag}")
    return "\n".join(lines), fair


def nbgrader(*arguments: str) -> None:
    """Run a stock nbgrader command from the course's root on the sample class; its log goes to grading/sample."""
    print("$ nbgrader", *arguments, flush=True)
    with (SAMPLE / "nbgrader.log").open("a") as log:
        command = [sys.executable, "-m", "nbgrader", *arguments, *IN_SAMPLE]
        subprocess.run(command, cwd=ROOT, stdout=log, stderr=log, check=False)


def main(arguments: list[str] | None = None) -> int:
    """Run `python -m grading sample-class` and return 0 if every mark is as deserved."""
    parser = argparse.ArgumentParser(prog="python -m grading sample-class", description=__doc__.split("\n")[0])
    parser.parse_args(arguments)
    weights = trained_weights()
    shutil.rmtree(SAMPLE, ignore_errors=True)
    SAMPLE.mkdir(parents=True)
    generate(EXERCISE, SAMPLE / "release", gradebook=f"sqlite:///{SAMPLE}/gradebook.db")
    deserved = write_class(SAMPLE / "submitted", weights)
    nbgrader("autograde", EXERCISE)
    nbgrader("generate_feedback", EXERCISE)
    nbgrader("export", f"--to={SAMPLE / 'marks.csv'}")
    text, fair = table(deserved)
    folder = SAMPLE.relative_to(ROOT)
    print(f"\n{text}\n\nreports   {folder}/reports/{EXERCISE}/<student>.json")
    print(f"feedback  {folder}/feedback/<student>/{EXERCISE}/{EXERCISE}.html\nmarks     {folder}/marks.csv")
    return 0 if fair else 1


if __name__ == "__main__":
    sys.exit(main())
