"""From solutions/ to what students get: exercises/, the tables of the visible checks, and the bundle.

Steps, in order:
1. `helpers/checks/<exercise>/table.safetensors.gz`: what reference and known wrong versions answer at the visible seed;
2. `exercises/<exercise>/<exercise>.ipynb`: stock `nbgrader generate_assignment`, solutions cleared;
3. `build/deep-learning-lab-students.zip`: exercises, helpers, data and the environment; no solutions, no grading.

`--check` does 1 and 2 beside the tree and fails where the tree differs, so that two copies never drift apart.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from grading.course import bake
from grading.errors import ReleaseError
from helpers.files import ROOT, atomically

__all__ = ["EXERCISES", "ROOT", "all_drift", "drift", "generate", "release_all", "student_pins", "write_bundle"]

EXERCISES = tuple(sorted(path.parent.name for path in (ROOT / "solutions").glob("ex*/ex*.ipynb")))
ALL = "ex*"  # as nbgrader names all exercises at once
BUNDLE = ROOT / "build" / "deep-learning-lab-students.zip"
BUNDLED = (
    "exercises/*/*.ipynb", "helpers/**/*.py", "helpers/checks/*/table.safetensors.gz", "helpers/checks/*/hints.toml",
    "data/*", "data/licenses/*", "LICENSE", "constraints.txt", "setup.py",
)  # fmt: skip
STAFF_ONLY = ("nbgrader", "pytest", "nbval", "kornia", "dsntnn", "torchmetrics", "segmentation_models_pytorch")


def generate(exercises: Sequence[str], folder: Path, gradebook: str | None = None) -> dict[str, Path]:
    """Write the students' notebooks of `exercises` below `folder` with stock nbgrader; return their paths by exercise.

    Args:
        exercises: their keys, such as "ex01_pose_regression"; all of them take one start of nbgrader.
        folder: takes `<exercise>/<exercise>.ipynb`.
        gradebook: database URL, seen from ROOT, that learns the assignment; None keeps the course's gradebook as it is.
    Raises:
        ReleaseError: if nbgrader fails, with what it printed last.
    """
    tools = os.path.dirname(sys.executable)  # nbgrader calls alembic by name
    environment = {**os.environ, "PATH": os.pathsep.join([tools, os.environ.get("PATH", "")])}
    notebooks = {exercise: folder / exercise / f"{exercise}.ipynb" for exercise in exercises}
    with tempfile.TemporaryDirectory() as scratch:
        options = [
            "--force", f"--CourseDirectory.release_directory={folder}",
            f"--db={gradebook or f'sqlite:///{scratch}/gradebook.db'}",
        ]  # fmt: skip
        for name in [ALL] if set(exercises) == set(EXERCISES) else exercises:
            command = ["nbgrader", "generate_assignment", name, *options]
            done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
            missing = [
                exercise for exercise in exercises if name in (ALL, exercise) and not notebooks[exercise].is_file()
            ]
            if done.returncode or missing:
                raise ReleaseError(f"nbgrader generate_assignment {name} failed:\n{done.stderr[-2000:]}")
    return notebooks


def drift(exercise: str, notebook: Path, table: bytes) -> list[str]:
    """Return a sentence for each file of `exercise` in the tree that differs from the fresh `notebook` and `table`."""
    pairs = [
        (ROOT / "exercises" / exercise / f"{exercise}.ipynb", notebook.read_bytes()),
        (bake.table_path(exercise), table),
    ]
    return [
        f"{old.relative_to(ROOT)} is not what solutions/{exercise} gives. Run `make release` and commit the result."
        for old, new in pairs
        if not old.is_file() or old.read_bytes() != new
    ]


def student_pins(environment: str) -> str:
    """Return environment.yml as students get it: without the packages that only staff need."""
    lines = [line for line in environment.splitlines() if not re.match(rf"\s*- ({'|'.join(STAFF_ONLY)})==", line)]
    return "\n".join(lines).replace(".[staff,dev]", ".") + "\n"


def write_bundle(path: Path = BUNDLE) -> Path:
    """Write the students' bundle, the same bytes for the same tree, and return its path."""
    files = sorted(
        {found for pattern in BUNDLED for found in ROOT.glob(pattern) if found.is_file() and "tests" not in found.parts}
    )
    content = {str(file.relative_to(ROOT)): file.read_bytes() for file in files}
    content["README.md"] = (ROOT / "docs" / "students.md").read_bytes()
    content["pyproject.toml"] = (ROOT / "pyproject.toml").read_bytes()
    content["environment.yml"] = student_pins((ROOT / "environment.yml").read_text()).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomically(path) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, data in sorted(content.items()):
            entry = zipfile.ZipInfo(f"deep-learning-lab/{name}")  # a fixed date: the bytes follow from the tree alone
            entry.compress_type = zipfile.ZIP_DEFLATED
            bundle.writestr(entry, data)
    return path


def all_drift(exercises: Sequence[str]) -> list[str]:
    """Return a sentence for each generated file of these exercises that differs from a fresh generation."""
    with tempfile.TemporaryDirectory() as scratch:
        notebooks = generate(exercises, Path(scratch))
        return [line for exercise, new in notebooks.items() for line in drift(exercise, new, bake.bake(exercise))]


def release_all(exercises: Sequence[str]) -> None:
    """Write the tables and the students' notebooks of these exercises, and the bundle of all.

    Weights and results that lie beside a notebook stay.
    """
    for exercise in exercises:
        table = bake.table_path(exercise)
        table.write_bytes(bake.bake(exercise))
        print(f"wrote {table.relative_to(ROOT)}")
    with tempfile.TemporaryDirectory() as scratch:
        fresh = generate(exercises, Path(scratch), gradebook="sqlite:///grading/gradebook.db")
        for exercise, notebook in fresh.items():
            target = ROOT / "exercises" / exercise / notebook.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(notebook, target)
            print(f"wrote {target.relative_to(ROOT)}")
    print(f"wrote {write_bundle().relative_to(ROOT)}")
