"""The files that git knows of this project."""

from __future__ import annotations

import subprocess

import pytest

from helpers.files import ROOT


def listed(*options: str) -> list[str]:
    """Return the paths that `git ls-files` gives with these options; skip the test where there is no repository."""
    command = ["git", "-c", "safe.directory=*", "ls-files", *options]  # in CI's container another user owns the files
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("this is no git repository")
    return done.stdout.splitlines()
