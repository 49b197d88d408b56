"""A tiny course for tests, all parts real: two small questions, one for extra points, a model and one in words."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbgrader.api import Gradebook

PROJECT = Path(__file__).resolve().parents[2]
EXERCISE = "toy"
FULL = {"double": 3.0, "total": 2.0, "triple": 0.0, "model": 2.0}
BONUS = {"triple": 1.5}

CHECKS = """
from helpers.checks.engine.question import Question, Wrong
from helpers.checks.engine.values import Raised
from helpers.checks.probes.weights import WEIGHTS_HINTS, with_weights
import torch

def call(answer, memory, x):
    return answer(x)

def count(answer, memory, x):
    memory["n"] = memory.get("n", 0) + 1
    return {"n": memory["n"], "value": answer(x)}

def predict(answer, memory, x):
    network = with_weights(answer, "toy.safetensors")
    if isinstance(network, dict):
        return network
    with torch.no_grad():
        return network(x)

def same(got, right):
    return isinstance(got, torch.Tensor) and got.shape == right.shape and bool(torch.isclose(got, right).all())

def judged(step, draw):
    def case(ask, rng, oracle):
        inputs = {"x": draw(rng)}
        got = ask(step, **inputs)
        right, wrong = oracle(step, **inputs)
        if not same(got, right):
            mistake = next((name for name in wrong if same(got, wrong[name])), None)
            if isinstance(got, Raised) and got.type_name == "NotImplementedError":
                mistake = "not_written"
            hint = HINTS.get(mistake, "compute it by hand for one number.")
            raise Wrong("the call", str(got), str(right), hint, mistake)
    return case

def remembers(ask, rng, oracle):
    x = torch.tensor(rng.rand(3))
    for n in (1, 2):
        got = ask("count", x=x)
        if not isinstance(got, dict) or got.get("n") != n or not same(got["value"], 2 * x):
            raise Wrong("count", "something else", "the same again", "call it twice.")

def predicts(ask, rng, oracle, x):
    got = ask("predict", x=x)
    if isinstance(got, dict) and "problem" in got:
        mistake = got["problem"]
        raise Wrong("model", got["message"], "weights", HINTS.get(mistake, "train again."), mistake)
    return got

def draw(rng):
    return torch.tensor(rng.randint(3, 99, (4, 2))).float()

def whole(rng):
    return draw(rng).long()

HINTS = {"squared": "this is the square, not the double.", "no_weights": "hand in the weights.", **WEIGHTS_HINTS}
QUESTIONS = {
    "double": Question(
        "double", "right", {"call": call, "count": count}, {"values": judged("call", draw), "again": remembers}, HINTS
    ),
    "total": Question("total", "right", {"call": call}, {"values": judged("call", draw)}, HINTS),
    "triple": Question(
        "triple", "right", {"call": call}, {"values": judged("call", draw), "whole": judged("call", whole)}, HINTS
    ),
    "model": Question("model", "right", {"predict": predict}, {"predicts": predicts}, HINTS),
}
"""

HIDDEN = """
import pytest, torch
from helpers.checks.engine.question import Wrong

@pytest.mark.points("double", 2)
def test_values(submission):
    submission.examine("double", "values")

@pytest.mark.points("double", 1)
def test_twice(submission):
    submission.examine("double", "again")

@pytest.mark.points("total", 2)
def test_total(submission):
    submission.examine("total", "values")

@pytest.mark.bonus("triple", 1)
def test_triple(submission):
    submission.examine("triple", "values")

@pytest.mark.bonus("triple", 0.5)
def test_triple_of_whole_numbers(submission):
    submission.examine("triple", "whole")

@pytest.mark.points("model", 2)
def test_model(submission):
    got = submission.examine("model", "predicts", x=torch.ones(5, 2))
    hidden_literal_271828 = torch.full((5, 1), 3.0)
    if not isinstance(got, torch.Tensor) or got.shape != (5, 1) or not torch.allclose(got, hidden_literal_271828):
        raise Wrong("model", str(got), "3", "are these the trained weights?", "no_weights")
"""

KNOWN_WRONG = """
KNOWN_WRONG = {"double": {"squared": lambda x: x * x}}
"""

STAND_INS = """
def double(x, mark="stand_in_literal_314159"):
    return x + x
"""

ANSWERS = {
    "double": "def double(x):\n    return 2 * x",
    "total": "def total(x):\n    return add_up(x)\n\ndef add_up(x):\n    return x.sum()",
    "triple": "def triple(x):\n    return 3 * x",
    "model": "def build_model():\n    return nn.Linear(2, 1)",
}


def cell(kind: str, source: str, name: str | None = None, **nbgrader: Any) -> dict[str, Any]:
    """Return a notebook cell, with nbgrader's metadata if it has a name."""
    full = {
        "grade": False,
        "solution": False,
        "locked": False,
        "task": False,
        "schema_version": 3,
        "grade_id": name,
        **nbgrader,
    }
    made = {
        "cell_type": kind,
        "id": (name or f"c{abs(hash(source)) % 10**9}").replace("_", "-"),
        "metadata": {},
        "source": source,
    }
    if name:
        made["metadata"]["nbgrader"] = full
    return {**made, "outputs": [], "execution_count": None} if kind == "code" else made


def solution_notebook() -> dict[str, Any]:
    """Return the solution notebook of the exercise."""

    def answer(name: str) -> str:
        head, _, body = ANSWERS[name].partition("\n")
        return f"{head}\n    ### BEGIN SOLUTION\n{body}\n    ### END SOLUTION"

    cells = [cell("markdown", "# Toy"), cell("code", "import torch\nfrom torch import nn", "setup", locked=True)]
    for name, points in FULL.items():
        cells.append(cell("markdown", f"Question {name}"))
        cells.append(cell("code", answer(name), name, solution=True))
        cells.append(
            cell("code", f"print('visible check of {name}')", f"{name}_check", grade=True, locked=True, points=points)
        )
    cells.append(cell("code", "trained = expensive_training()"))
    cells.append(cell("markdown", "The secret words of the solution.", "words_1", grade=True, solution=True, points=4))
    metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}


def environment() -> dict[str, str]:
    """Return the environment in which nbgrader runs on the toy course."""
    return {**os.environ, "PYTHONPATH": str(PROJECT), "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}


def nbgrader(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run stock nbgrader in `root`."""
    command = [sys.executable, "-m", "nbgrader", *arguments]
    return subprocess.run(
        command, cwd=root, env=environment(), capture_output=True, text=True, timeout=300, check=False
    )


def make_course(root: Path) -> Path:
    """Write the course below `root`, release it with stock nbgrader and return `root`."""
    folders = {
        "toy_checks/toy.py": CHECKS,
        "toy_checks/__init__.py": "",
        "grading/hidden_checks/test_toy.py": HIDDEN,
        "grading/known_wrong/toy.py": KNOWN_WRONG,
        "grading/stand_ins/toy.py": STAND_INS,
        "solutions/toy/toy.ipynb": json.dumps(solution_notebook()),
    }
    folders |= {f"solutions/toy/{name}": "left behind" for name in ("toy.safetensors", "results.json", "picture.png")}
    for name, content in folders.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    shutil.copy(PROJECT / "nbgrader_config.py", root)
    with open(root / "nbgrader_config.py", "a") as config:
        config.write(
            '\nc.Grading.checks_package = "toy_checks"\nc.Grading.cell_seconds = c.Grading.question_seconds = 2.0\n'
        )
        config.write("c.Grading.notebook_mb = 5\n")
    done = nbgrader(root, "generate_assignment", EXERCISE)
    assert done.returncode == 0, done.stderr
    return root


def fresh_copy(root: Path, target: Path) -> Path:
    """Return a copy of a course in which nothing was handed in or graded, and which has no secret yet."""
    return with_class(root, target, "submitted", "course_secret")


def with_class(root: Path, target: Path, *further: str) -> Path:
    """Return a copy of a course with its submissions and its secret, in which nothing was graded."""
    graded = shutil.ignore_patterns("autograded", "feedback", "reports", "gradebook.db*", "log", *further)
    return Path(shutil.copytree(root, target, ignore=graded))


def snapshot(folder: Path) -> dict[str, tuple]:
    """Return every path below `folder` with its kind, mode, size, time of change and, of small files, the content."""
    found = {}
    for path in sorted(folder.rglob("*")):
        state = path.lstat()
        small = stat.S_ISREG(state.st_mode) and state.st_size < 1 << 20
        content = path.read_bytes() if small else b""
        found[str(path)] = (state.st_mode, state.st_size, state.st_mtime_ns, hashlib.sha256(content).hexdigest())
    return found


def gradebook(root: Path) -> Gradebook:
    """Return the gradebook of a class, to be closed."""
    from nbgrader.api import Gradebook

    return Gradebook(f"sqlite:///{root}/grading/gradebook.db")


def released(root: Path) -> dict[str, Any]:
    """Return the released notebook, sources as strings."""
    notebook = json.loads((root / "exercises/toy/toy.ipynb").read_text())
    for one in notebook["cells"]:
        one["source"] = "".join(one["source"])
    return notebook


def named(notebook: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the cell of that grade_id."""
    return next(one for one in notebook["cells"] if one["metadata"].get("nbgrader", {}).get("grade_id") == name)


def filled(release: dict[str, Any], **answers: str) -> dict[str, Any]:
    """Return the released notebook with right answers, or those given; None leaves the stub."""
    notebook = copy.deepcopy(release)
    for name, source in {**ANSWERS, **answers}.items():
        if source is not None:
            named(notebook, name)["source"] = source
    return notebook


def weights() -> bytes:
    """Return the weights with which the model answers 3 for two ones."""
    import torch
    from safetensors.torch import save

    return save({"weight": torch.tensor([[1.0, 1.0]]), "bias": torch.tensor([1.0])})


def hand_in(
    root: Path, student: str, notebook: dict[str, Any] | str | bytes | None, files: dict[str, bytes] | None = None
) -> Path:
    """Write a submission and return its folder."""
    folder = root / "grading/submitted" / student / EXERCISE
    folder.mkdir(parents=True, exist_ok=True)
    if notebook is not None:
        data = (
            notebook if isinstance(notebook, bytes) else notebook if isinstance(notebook, str) else json.dumps(notebook)
        )
        (folder / "toy.ipynb").write_bytes(data if isinstance(data, bytes) else data.encode())
    for name, content in (files or {}).items():
        (folder / name).write_bytes(content)
    return folder
