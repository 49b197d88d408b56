"""An exercise has all its parts: what is missing is named, with its file and the step of CONTRIBUTING.md that makes it.

Only files are looked at, one exercise at a time: other tests load all of them at once and stop where one is half done.
"""

from __future__ import annotations

import ast
import json
import shutil
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from repository import listed

from grading.course.course import module_at
from grading.submission.roles import nbgrader_of, question_of
from helpers.files import ROOT

KEYS = sorted(path.stem for path in ROOT.glob("solutions/ex*/ex*.ipynb"))
STRANGERS = 5  # for each question, at least
FOR_ALL = {  # of every exercise: what is missing, and the step of "A question joins an exercise" that makes it
    "helpers/checks/{key}/__init__.py": "step 3, Check",
    "helpers/checks/{key}/cases.py": "step 2, Cases",
    "exercises/{key}/{key}.ipynb": "step 8, release",
    "helpers/checks/{key}/table.safetensors.gz": "step 8, release",
}
WITH_POINTS = {  # of every exercise with points; where a name ends in *, one file or several
    "helpers/checks/{key}/hints.toml": "step 4, Wrong and right answers",
    "grading/known_wrong/{key}.py": "step 4, Wrong and right answers",
    "grading/right_variants/{number}_*.py": "step 4, Wrong and right answers",
    "grading/hidden_checks/test_{key}.py": "step 5, Points",
    "grading/sentences/{key}.toml": "step 6, Sentences",
    "grading/tests/strangers/{number}*.py": "step 6, Strangers",
    "grading/stand_ins/{key}.py": "step 7, Stand-in and marks of the sample class",
    "grading/sample_submissions/{key}.py": "step 7, Stand-in and marks of the sample class",
}
RUBRIC = ("grading/rubrics/{key}.toml", "An exercise joins")


def missing(root: Path, key: str) -> list[str]:
    """Return a sentence for each part that an exercise lacks: the files first, and with all of them what is to stand in
    them for each question."""
    cells = json.loads((root / "solutions" / key / f"{key}.ipynb").read_text(encoding="utf-8"))["cells"]
    graded = list(filter(None, map(question_of, cells)))
    in_words = any(cell["cell_type"] == "markdown" and nbgrader_of(cell).get("grade") for cell in cells)
    wanted = {**FOR_ALL, **(WITH_POINTS if graded else {}), **(dict([RUBRIC]) if in_words else {})}
    names = {name.format(key=key, number=key.partition("_")[0]): step for name, step in wanted.items()}
    lacking = [_said(f"there is no {name}", step) for name, step in names.items() if not any(root.glob(name))]
    stubs = {nbgrader_of(cell).get("grade_id"): "".join(cell["source"]) for cell in cells}
    return lacking or [*_of_questions(root, key, {name: stubs[name] for name in graded if name != "model"})]


def _said(what: str, step: str) -> str:
    return f"{what} (CONTRIBUTING.md: {step})"


def _of_questions(root: Path, key: str, questions: dict[str, str]) -> Iterator[str]:
    """Give a sentence for each file in which a question, given with its answer, does not stand."""
    if not questions:
        return
    number = key.partition("_")[0]
    right = f"grading/right_variants/{number}_*.py"
    functions = [name for name, answer in questions.items() if f"def {name}(" in answer]  # networks are classes
    strangers = f"grading/tests/strangers/{number}*.py"
    answers = _tables(root, strangers, "STRANGERS")
    places: dict[str, tuple[Iterable[str], Any]] = {
        f"helpers/checks/{key}/hints.toml": (questions, _toml(root / f"helpers/checks/{key}/hints.toml")),
        f"grading/known_wrong/{key}.py": (questions, _tables(root, f"grading/known_wrong/{key}.py", "KNOWN_WRONG")),
        right: (questions, _tables(root, right, "RIGHT_VARIANTS")),
        f"grading/hidden_checks/test_{key}.py": (
            questions, _tables(root, f"grading/hidden_checks/test_{key}.py", "CHECKS"),
        ),
        f"grading/sentences/{key}.toml": (questions, _toml(root / f"grading/sentences/{key}.toml")),
        strangers: (functions, answers),
        f"grading/stand_ins/{key}.py": (functions, _functions(root / f"grading/stand_ins/{key}.py")),
        f"grading/sample_submissions/{key}.py": (
            questions, _tables(root, f"grading/sample_submissions/{key}.py", "FULL"),
        ),
    }  # fmt: skip
    steps = {name.format(key=key, number=number): step for name, step in WITH_POINTS.items()}
    for name, (expected, found) in places.items():
        yield from (_said(f"{one} is not in {name}", steps[name]) for one in expected if one not in found)
    for one in functions:
        if one in answers and len(answers[one]) < STRANGERS:
            few = f"{one} has {len(answers[one])} strangers in {strangers}, expected {STRANGERS} or more"
            yield _said(few, steps[strangers])


def _tables(root: Path, pattern: str, name: str) -> dict[str, Any]:
    """Return what the tables of one name have in all modules of a pattern."""
    tables = (getattr(module_at(path), name, {}) for path in sorted(root.glob(pattern)))
    return {question: answers for table in tables for question, answers in table.items()}


def _toml(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


def _functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("exercise", KEYS)
def test_an_exercise_has_all_its_parts(exercise):
    lacking = missing(ROOT, exercise)
    assert not lacking, "\n".join([f"{exercise} is not whole:", *lacking])


@pytest.fixture
def copied(tmp_path) -> Path:
    """A copy of exercise 5 alone."""
    for name in listed():
        if "ex05" in name:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def test_every_file_that_is_missing_is_named_with_its_step(copied):
    key = "ex05_instances"
    assert missing(copied, key) == []
    (copied / f"grading/sentences/{key}.toml").unlink()
    (copied / "grading/tests/strangers/ex05.py").unlink()
    (copied / f"grading/rubrics/{key}.toml").unlink()
    assert missing(copied, key) == [
        f"there is no grading/sentences/{key}.toml (CONTRIBUTING.md: step 6, Sentences)",
        "there is no grading/tests/strangers/ex05*.py (CONTRIBUTING.md: step 6, Strangers)",
        f"there is no grading/rubrics/{key}.toml (CONTRIBUTING.md: An exercise joins)",
    ]


def test_a_question_that_is_missing_in_a_file_is_named(copied):
    key = "ex05_instances"
    strangers = copied / "grading/tests/strangers/ex05.py"
    strangers.write_text('STRANGERS = {"offset_targets": {"a": 1, "b": 2}, "group_pixels": dict.fromkeys("abcde")}')
    stand_ins = copied / f"grading/stand_ins/{key}.py"
    stand_ins.write_text(stand_ins.read_text().replace("def group_pixels(", "def group("))
    sentences = copied / f"grading/sentences/{key}.toml"
    sentences.write_text(sentences.read_text().replace("[offset_targets", "[other"))
    assert missing(copied, key) == [
        f"offset_targets is not in grading/sentences/{key}.toml (CONTRIBUTING.md: step 6, Sentences)",
        "panoptic_quality is not in grading/tests/strangers/ex05*.py (CONTRIBUTING.md: step 6, Strangers)",
        f"group_pixels is not in grading/stand_ins/{key}.py "
        "(CONTRIBUTING.md: step 7, Stand-in and marks of the sample class)",
        "offset_targets has 2 strangers in grading/tests/strangers/ex05*.py, expected 5 or more "
        "(CONTRIBUTING.md: step 6, Strangers)",
    ]
