"""What the machine report says of where it runs, of packages and of folders."""

import os
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
