"""A student's start on any machine: what the setup cell says, which torch is kept, the cells of docs/anywhere.md."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import types
from pathlib import Path

import pytest
from IPython.core.inputtransformer2 import TransformerManager

from grading.course.release import EXERCISES, ROOT
from helpers import __version__

PAGE = (ROOT / "docs" / "anywhere.md").read_text(encoding="utf-8")
PINS = re.findall(r"^(torch(?:vision)?==\S+)$", (ROOT / "constraints.txt").read_text(), re.M)
TAIL = "It takes the course's newest helpers (README.md: When something fails)"


# The setup cell


def setup_of(exercise: str) -> str:
    notebook = json.loads((ROOT / "solutions" / exercise / f"{exercise}.ipynb").read_text(encoding="utf-8"))
    return next("".join(cell["source"]) for cell in notebook["cells"] if cell["id"] == "setup")


def said(exercise: str, folder: Path, *options: str) -> str:
    """Return the last line of the one traceback that the setup cell of `exercise` ends with in `folder`."""
    command = [sys.executable, *options, "-c", setup_of(exercise)]
    environment = {**os.environ, "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and done.stderr.count("Traceback") == 1, done.stderr
    return done.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize("exercise", EXERCISES)
def test_a_python_without_helpers_is_told_in_a_sentence(exercise, tmp_path):
    assert said(exercise, tmp_path, "-S") == f"ImportError: No module named 'helpers'. {TAIL}"


@pytest.mark.parametrize("place", ["helpers.py", "helpers/__init__.py", "helpers/other.py"])
def test_a_stranger_of_that_name_is_told_with_its_place(place, tmp_path):
    stranger = tmp_path / place
    stranger.parent.mkdir(exist_ok=True)
    stranger.write_text("def plot(): ...\n")
    where = "unknown location" if place.endswith("other.py") else re.escape(str(stranger))
    text = rf"ImportError: cannot import name 'pictures' from 'helpers' \({where}\)\. {re.escape(TAIL)}"
    assert re.fullmatch(text, said("ex01_pose_regression", tmp_path, "-S"))


@pytest.mark.parametrize(("written", "becomes", "told"), [
    (f'__version__ = "{__version__}"', '__version__ = "0.1.9"', "helpers 0.1.9 in .* is older than 0.2, which this"),
    ("def require(", "def another(", "cannot import name 'require' from 'helpers'"),
])  # fmt: skip
def test_an_older_helpers_is_told(written, becomes, told, tmp_path):
    old = shutil.copytree(ROOT / "helpers", tmp_path / "helpers", ignore=shutil.ignore_patterns("tests", "__pycache__"))
    (tmp_path / "data").symlink_to(ROOT / "data")
    text = (old / "__init__.py").read_text().replace('["require", *_MODULE_OF', "[*_MODULE_OF")
    assert written in text
    (old / "__init__.py").write_text(text.replace(written, becomes))
    assert re.match(f"ImportError: {told}", said("ex00_start_here", tmp_path))


# What pip installs


def installing(folder: Path, torch: str, torchvision: str, *options: str) -> str:
    """Return what pip, without any index, says of the course's dependencies on a machine with this torch."""
    for name, version in (("torch", torch), ("torchvision", torchvision)):
        info = folder / "there" / f"{name}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    course = folder / "course"
    (course / "helpers").mkdir(parents=True)
    (course / "helpers" / "__init__.py").write_text(f'__version__ = "{__version__}"\n')
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, course)
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-index", "--no-build-isolation", *options]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    environment |= {"PYTHONPATH": str(folder / "there"), "PIP_CONFIG_FILE": os.devnull}  # no wheels from elsewhere
    done = subprocess.run(
        [*command, "-e", str(course)], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize(("versions", "options"), [
    (("2.15.0+cpu", "0.29.2+cpu"), ("-c", "constraints.txt")),
    (("2.12.1+cu130", "0.27.1+cu130"), ()),
], ids=["a CPU build of the pinned version, with the pins", "the host's, without"])  # fmt: skip
def test_a_torch_that_is_there_is_kept(versions, options, tmp_path):
    text = installing(tmp_path, *versions, *options)
    assert f"Would install deep-learning-lab-cv-{__version__}\n" in text, text  # and nothing besides


def test_a_torch_that_is_too_old_is_not(tmp_path):
    assert "No matching distribution found for torch>=2.11" in installing(tmp_path, "2.10.0", "0.27.1")


def test_what_pages_and_binder_install_is_what_the_course_pins():
    for text in (PAGE, (ROOT / ".binder/postBuild").read_text()):
        assert re.findall(r"torch(?:vision)?==[\d.]+", text) == PINS


def test_conda_s_base_is_never_filled(tmp_path):
    (tmp_path / "condabin").mkdir()
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("CONDA", "VENV", "MAKE"))}

    def places(**active: str) -> set[str]:
        command = ["make", "--always-make", "-n", "env"]
        text = subprocess.check_output(command, cwd=ROOT, env={**bare, **active}, text=True)
        assert ("conda's base is active" in text) == (active != {} and "lab" not in active.values())
        return set(re.findall(r"(\S+)/bin/python -m pip", text))

    assert places() == {".venv"}
    assert places(CONDA_PREFIX=str(tmp_path), CONDA_DEFAULT_ENV="conda") == {".venv"}  # as some installers name it
    assert places(CONDA_PREFIX="/opt/conda", CONDA_DEFAULT_ENV="base") == {".venv"}
    assert places(CONDA_PREFIX="/opt/conda/envs/lab", CONDA_DEFAULT_ENV="lab") == {"/opt/conda/envs/lab"}


# The page's cells


def cell(heading: str) -> str:
    """Return the Python of a section of the page, as IPython runs it."""
    text = re.search(rf"## {heading}.*?```python\n(.*?)```", PAGE, re.DOTALL).group(1)
    return TransformerManager().transform_cell(text)


class Shell:
    """Notes lines that are for the shell and for pip."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def system(self, line: str) -> None:
        self.lines.append(line)

    def run_line_magic(self, name: str, line: str) -> None:
        self.lines.append(f"{name} {line}")


@pytest.fixture
def colab(monkeypatch) -> types.ModuleType:
    """A google.colab whose `files` note what they are asked for."""
    module = types.ModuleType("google.colab")
    module.asked = []
    module.files = types.SimpleNamespace(
        upload=lambda: module.asked.append("upload"), download=lambda name: module.asked.append(name)
    )
    monkeypatch.setitem(sys.modules, "google.colab", module)
    return module


def test_colab_s_cell_unpacks_once_and_keeps_all_packages(tmp_path, monkeypatch, colab):
    monkeypatch.chdir(tmp_path)
    shell, names = Shell(), {}
    exec(cell("Colab"), {"get_ipython": lambda: shell, **names})
    (tmp_path / "deep-learning-lab").mkdir()
    exec(cell("Colab"), {"get_ipython": lambda: shell, **names})
    install = "pip install -q --no-deps ./deep-learning-lab"
    assert shell.lines == ["unzip -q deep-learning-lab-students*.zip", install, install]
    assert colab.asked == ["upload"]


def test_kaggle_s_cell_finds_the_course_in_its_read_only_inputs(tmp_path):
    inputs = tmp_path / "input" / "datasets" / "someone"
    course = inputs / "deep-learning-lab" / "deep-learning-lab"  # a dataset of the archive's own name
    (course / "helpers").mkdir(parents=True)
    (course / "pyproject.toml").touch()
    code = cell("Kaggle").replace("/kaggle/input", str(tmp_path / "input"))
    for _ in range(2):
        exec(code.replace("/tmp/deep-learning-lab", str(tmp_path / "copy")), {"get_ipython": Shell})
    assert (tmp_path / "copy" / "helpers").is_dir()


def test_the_last_cell_finds_the_weights_anywhere_and_downloads_them_in_colab(tmp_path, monkeypatch, capsys, request):
    monkeypatch.chdir(tmp_path)
    for name in ("ex01_pose_regression", "ex01_pose_regression.checkpoint", "ex01_pose_regression.earlier"):
        (tmp_path / f"{name}.safetensors").write_bytes(bytes(1000))
    monkeypatch.setitem(sys.modules, "google.colab", None)
    exec(cell("The weights file"), {})
    text = capsys.readouterr().out
    assert str(tmp_path / "ex01_pose_regression.safetensors") in text and "Download" in text and "checkp" not in text
    assert "earlier" not in text
    colab = request.getfixturevalue("colab")
    exec(cell("The weights file"), {})
    assert colab.asked == ["ex01_pose_regression.safetensors"]


def test_codespaces_and_binder_install_the_course():
    container = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text())
    runtime = (ROOT / ".binder/runtime.txt").read_text().strip()
    assert container["image"].replace(":", "-") == runtime == "python-3.12"
    line = "python -m pip install -c constraints.txt -e ."
    assert container["postCreateCommand"] == line
    script = (ROOT / ".binder/postBuild").read_text()
    assert script.endswith(f"{line.replace('install', 'install --no-cache-dir')}\n")
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)
