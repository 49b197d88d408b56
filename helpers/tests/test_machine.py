"""What the machine report says of where it runs, of packages and of folders."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from helpers import machine

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def plain(monkeypatch):
    """A machine that is no host of notebooks."""
    for variable in (*machine.HOSTS, "MEM_LIMIT"):
        monkeypatch.delenv(variable, raising=False)


@pytest.mark.parametrize(
    ("variable", "said"),
    [
        ("COLAB_RELEASE_TAG", "Colab"),
        ("KAGGLE_KERNEL_RUN_TYPE", "Kaggle"),
        ("CODESPACES", "Codespaces"),
        ("BINDER_LAUNCH_HOST", "Binder"),
    ],
)
def test_a_host_is_named(variable, said, monkeypatch):
    assert said not in machine._python()[1]
    monkeypatch.setenv(variable, "something")
    assert machine._python() == (True, f"{machine._python()[1].removesuffix(f', {said}')}, {said}")


@pytest.mark.skipif(not hasattr(os, "sysconf"), reason="Windows does not say how much memory there is")
def test_memory_is_that_of_the_machine_or_what_a_hub_allows(monkeypatch):
    assert int(machine._python()[1].split(" cores, ")[1].split(" GB")[0]) > 0
    monkeypatch.setenv("MEM_LIMIT", str(10**9))
    assert machine._python()[1].endswith(" cores, 1 GB of memory")


def test_conda_s_base_is_named(tmp_path, monkeypatch):
    (tmp_path / "condabin").mkdir()
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert machine._python()[1].endswith(", conda's base")


def test_an_old_python_is_not_enough(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 10, 12, "final", 0))
    ready, said = machine._python()
    assert not ready and said.endswith("but Python 3.11 is needed")


@pytest.mark.parametrize("version", ["2.10.0", "2.6.0+cu124", "1.13"])
def test_a_torch_that_is_too_old_is_told_with_what_to_do(version, monkeypatch, capsys):
    monkeypatch.setattr(machine, "version", lambda name: version)
    assert machine.machine_report() is False
    line = 'MISSING packages: run `%pip install "torch>=2.11" torchvision` in a cell, then restart the kernel'
    assert line in capsys.readouterr().out


@pytest.mark.parametrize("version", ["2.11", "2.15.0+cpu", "3.0.0a0+git1234"])
def test_a_newer_torch_is_kept(version, monkeypatch):
    monkeypatch.setattr(machine, "version", lambda name: version)
    assert machine._packages() == (True, "all packages")


def test_a_package_that_is_missing_is_told_with_what_to_do(monkeypatch):
    monkeypatch.setattr(machine, "NEEDED", ("numpy", "no_such_package"))
    text = "packages: run `%pip install no_such_package` in a cell, then restart the kernel"
    assert machine._packages() == (False, text)


def test_it_asks_for_what_the_project_asks_for():
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert f"torch>={'.'.join(map(str, machine.TORCH))}" in asked
    assert set(machine.NEEDED) <= {line.partition(">")[0] for line in asked}


def unpacked(folder: Path) -> Path:
    """Return a copy of what the report reads."""
    (folder / "data").mkdir(parents=True)
    for name in ("body.npz", "poses.toml", "fine_backbone.safetensors", "efficientnet_lite0.safetensors"):
        shutil.copy(ROOT / "data" / name, folder / "data")
    shutil.copytree(ROOT / "helpers", folder / "helpers", ignore=shutil.ignore_patterns("tests", "__pycache__"))
    return folder


@pytest.mark.parametrize(
    ("harmed", "content", "said"),
    [
        ("data/body.npz", b"PK\3\4 cut", "ValueError: .*body.npz is damaged .*unpack its bundle again"),
        ("data/fine_backbone.safetensors", b"", "ValueError: The weights in .* do not fit, or are damaged"),
        ("data/efficientnet_lite0.safetensors", None, "FileNotFoundError: .*unpack its bundle again"),
        ("helpers/training/speed.py", None, "ModuleNotFoundError: No module named 'helpers.training.speed'"),
    ],
)
def test_whatever_fails_has_a_line_and_the_report_ends(harmed, content, said, tmp_path):
    course = unpacked(tmp_path / "course")
    (course / harmed).unlink() if content is None else (course / harmed).write_bytes(content)
    command = [sys.executable, "-c", "import helpers; print(helpers.machine_report())"]
    environment = os.environ | {"PYTHONPATH": "", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=course, env=environment, capture_output=True, text=True, check=True)
    *lines, ready = done.stdout.splitlines()
    assert ready == "False" and done.stderr == "" and len(lines) == 5
    assert any(re.match(f"MISSING (device|speed): {said}", line) for line in lines)
