"""From solutions/ to what students get: exercises/, the tables of the visible checks, and archives to hand out.

Steps, in order:
1. `helpers/checks/<exercise>/table.safetensors.gz`: what reference and known wrong versions answer at the visible seed;
2. `exercises/<exercise>/<exercise>.ipynb`: stock `nbgrader generate_assignment`, solutions cleared, with the release's
   number (`grading.submission.release_number`) in its metadata;
3. `build/deep-learning-lab-students.zip`: exercises, helpers, data and the environment; no solutions, no grading;
4. the same in parts, a week at a time, `build/weekly/`: `helpers.zip` has all but the notebooks, `<exercise>.zip` one
   notebook, and `corrected/<exercise>.zip` the same notebook under a name of its own, for whoever has the exercise.

No two of the parts hold a file of the same name but `helpers.zip` of next week, so none overwrites a student's work.
`release.json` in the bundle and in `helpers.zip` says of what time it is and what belongs to it, for `helpers.update`.

`--check` does 1 and 2 beside the tree and fails where the tree differs, so that two copies never drift apart. An
exercise that has points and no hidden checks is refused there and by 3 and 4: students would work for no marks.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from grading.course import bake
from grading.course.course import Course
from grading.errors import ReleaseError
from grading.submission.release_number import release_number, stated_number
from grading.submission.roles import question_of
from helpers.files import ROOT, atomically
from helpers.update import MANIFEST

__all__ = [
    "EXERCISES",
    "ROOT",
    "all_drift",
    "drift",
    "generate",
    "not_gradable",
    "release_all",
    "student_pins",
    "write_bundle",
    "write_weekly",
]

EXERCISES = tuple(sorted(path.parent.name for path in (ROOT / "solutions").glob("ex*/ex*.ipynb")))
ALL = "ex*"  # as nbgrader names all exercises at once
BUNDLE = ROOT / "build" / "deep-learning-lab-students.zip"
WEEKLY = ROOT / "build" / "weekly"
BUNDLED = (
    "exercises/*/*.ipynb", "helpers/**/*.py", "helpers/checks/*/table.safetensors.gz", "helpers/checks/*/hints.toml",
    "data/*", "data/licenses/*", "LICENSE", "constraints.txt", "setup.py", ".devcontainer/*", ".binder/*",
)  # fmt: skip
STAFF_ONLY = ("nbgrader", "pytest", "nbval", "kornia", "dsntnn", "torchmetrics", "segmentation_models_pytorch")

OTHER_CELLS = "Cannot add or remove cells"  # nbgrader's words


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
                known = f"{OTHER_CELLS}\n" * (OTHER_CELLS in done.stderr)  # other exercises' lines come after it
                raise ReleaseError(f"nbgrader generate_assignment {name} failed:\n{known}{done.stderr[-2000:]}")
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


def not_gradable(notebooks: Mapping[str, Path]) -> list[str]:
    """Return a sentence for each exercise whose notebook has questions with checks while there are no hidden ones.

    Args:
        notebooks: the students' notebooks, by exercise; a warm-up has no such questions.
    """
    hidden = {exercise: Course(ROOT, exercise).hidden_module for exercise in notebooks}
    return [
        f"{exercise} cannot be graded: there is no {hidden[exercise].relative_to(ROOT)}. Write it before the exercise "
        "is handed out (CONTRIBUTING.md, Points); without it no bundle is built."
        for exercise, notebook in notebooks.items()
        if not hidden[exercise].is_file()
        and any(question_of(cell) for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"])
    ]


def student_pins(environment: str) -> str:
    """Return environment.yml as students get it: without the packages that only staff need."""
    lines = [line for line in environment.splitlines() if not re.match(rf"\s*- ({'|'.join(STAFF_ONLY)})==", line)]
    return "\n".join(lines).replace(".[staff,dev]", ".") + "\n"


def _content() -> dict[str, bytes]:
    """Return all that students get, by its place in the course's folder.

    Raises:
        ReleaseError: one of the exercises cannot be graded.
    """
    released = {path.stem: path for path in sorted(ROOT.glob("exercises/*/*.ipynb")) if path.stem == path.parent.name}
    if refused := not_gradable(released):
        raise ReleaseError("\n".join(refused))
    files = sorted(
        {found for pattern in BUNDLED for found in ROOT.glob(pattern) if found.is_file() and "tests" not in found.parts}
    )
    content = {str(file.relative_to(ROOT)): file.read_bytes() for file in files}
    content["README.md"] = (ROOT / "docs" / "students.md").read_bytes()
    content["anywhere.md"] = (ROOT / "docs" / "anywhere.md").read_bytes()
    content["pyproject.toml"] = (ROOT / "pyproject.toml").read_bytes()
    content["environment.yml"] = student_pins((ROOT / "environment.yml").read_text()).encode()
    sums = {name: sha256(data).hexdigest() for name, data in content.items() if not name.startswith("exercises/")}
    content[MANIFEST] = json.dumps({"released": _changed(files), "files": sums}, indent=1).encode()
    return content


def _changed(files: Iterable[Path]) -> str:
    """Return when the course was changed last, in UTC: the time of the commit or, where there is none, of the newest of
    these files. By it `helpers.update` tells a newer bundle from an older one."""
    try:
        command = ["git", "log", "-1", "--format=%ct"]
        seconds = float(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)
    except (OSError, ValueError, subprocess.CalledProcessError):
        seconds = max(file.stat().st_mtime for file in files)
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def write_bundle(path: Path = BUNDLE) -> Path:
    """Write the students' bundle, the same bytes for the same tree, and return its path."""
    return _write_zip(path, _content())


def write_weekly(folder: Path = WEEKLY) -> list[Path]:
    """Write the bundle in parts, the same bytes for the same tree, and return their paths.

    What an earlier release left there goes: nobody shall hand it out.
    """
    shutil.rmtree(folder, ignore_errors=True)
    content = _content()
    notebooks = {name: data for name, data in content.items() if name.startswith("exercises/")}
    parts = {"helpers": {name: data for name, data in content.items() if name not in notebooks}}
    for name, data in notebooks.items():
        path = Path(name)
        corrected = path.with_name(f"{path.stem}-release-{release_number(json.loads(data))}.ipynb").as_posix()
        parts |= {path.parent.name: {name: data}, f"corrected/{path.parent.name}": {corrected: data}}
    return [_write_zip(folder / f"{part}.zip", inside) for part, inside in parts.items()]


def _write_zip(path: Path, content: Mapping[str, bytes]) -> Path:
    """Write an archive of one folder, `deep-learning-lab`, and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomically(path) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, data in sorted(content.items()):
            entry = zipfile.ZipInfo(f"deep-learning-lab/{name}")  # a fixed date: the bytes follow from the tree alone
            entry.compress_type = zipfile.ZIP_DEFLATED
            mode = 0o100755 if data.startswith(b"#!") else 0o100644  # who unpacks for others lets them read it
            entry.create_system, entry.external_attr = 3, mode << 16  # as on Linux, wherever it is written
            bundle.writestr(entry, data)
    return path


def all_drift(exercises: Sequence[str]) -> list[str]:
    """Return a sentence for each generated file of these exercises that differs from a fresh generation, and for each
    exercise that cannot be graded."""
    with tempfile.TemporaryDirectory() as scratch:
        notebooks = generate(exercises, Path(scratch))
        drifted = [line for exercise, new in notebooks.items() for line in drift(exercise, new, bake.bake(exercise))]
        return drifted + not_gradable(notebooks)


def release_all(exercises: Sequence[str]) -> None:
    """Write the tables and the students' notebooks of these exercises, and the archives of all.

    Weights and results that lie beside a notebook stay.

    Raises:
        ReleaseError: nbgrader failed; or all but the archives is written, and an exercise cannot be graded.
    """
    for exercise in exercises:
        table = bake.table_path(exercise)
        table.write_bytes(bake.bake(exercise))
        print(f"wrote {table.relative_to(ROOT)}")
    with tempfile.TemporaryDirectory() as scratch:
        fresh = _generated(exercises, Path(scratch))
        for exercise, notebook in fresh.items():
            target = ROOT / "exercises" / exercise / notebook.name
            target.parent.mkdir(parents=True, exist_ok=True)
            before, number = _number_at(target), _number_at(notebook)
            shutil.copyfile(notebook, target)
            print(f"wrote {target.relative_to(ROOT)}, release {number}")
            if before and before != number:
                print(f"  Do students have release {before}? Then hand out build/weekly/corrected/{exercise}.zip:")
                print("  its notebook has a name of its own, so that it overwrites nobody's work.")
    print(f"wrote {write_bundle().relative_to(ROOT)}")
    for path in write_weekly():
        print(f"wrote {path.relative_to(ROOT)}")


def _generated(exercises: Sequence[str], folder: Path) -> dict[str, Path]:
    """Generate so that the gradebook learns of it, or later, with the next autograding: nbgrader takes no question in
    or out once there are submissions, and autograding does (`grading/plugin/cells.py`)."""
    try:
        return generate(exercises, folder, gradebook="sqlite:///grading/gradebook.db")
    except ReleaseError as error:
        if OTHER_CELLS not in str(error):
            raise
    print("There are submissions, and other questions than before: the gradebook follows with nbgrader autograde.")
    return generate(exercises, folder)


def _number_at(notebook: Path) -> str:
    """Return the number of the release in a file; nothing where there is none."""
    try:
        return stated_number(json.loads(notebook.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return ""
