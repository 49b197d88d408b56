"""The environment's files say the same things, and nothing that only one machine could follow."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def pins(text: str) -> dict[str, str]:
    """Return every `name==version` of a file."""
    found = re.findall(r"^\s*(?:- )?([A-Za-z0-9_.-]+)==([^\s;]+)", text, re.M)
    return {name.lower(): version for name, version in found}


CONSTRAINTS = pins((ROOT / "constraints.txt").read_text())
CONDA = pins((ROOT / "environment.yml").read_text())


def test_environment_yml_has_the_pins_of_constraints_txt():
    assert {name: CONSTRAINTS[name] for name in CONDA} == CONDA


@pytest.mark.parametrize(
    "name", "torch torchvision jupyterlab nbgrader matplotlib ipywidgets numpy pytest nbval".split()
)
def test_every_package_of_the_course_is_pinned_in_both_files(name):
    assert name in CONDA and name in CONSTRAINTS


def test_constraints_cover_every_dependency():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + [d for extra in project["optional-dependencies"].values() for d in extra]
    names = {re.match(r"[A-Za-z0-9_.-]+", line).group().lower() for line in wanted}
    assert names <= set(CONSTRAINTS)


def test_constraints_are_plain_names_and_versions():
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[A-Za-z0-9_.+-]+", line) for line in lines)


@pytest.mark.parametrize("verb", "demo test lab release bench docs".split())
def test_make_knows_the_verb(verb):
    done = subprocess.run(["make", "-n", verb], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
