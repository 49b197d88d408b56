"""The whole of ex01 on photos of Leeds Sports Pose Extended: one changed name, an honest number.

DEEP_LEARNING_LAB_LEEDS=/path/to/lspet python -m benchmarks leeds
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from helpers.files import ROOT

__all__ = ["main"]

EXERCISE = "ex01_pose_regression"


def main(arguments: list[str]) -> int:
    """Run every cell of the solution notebook with the one name changed and print its table of results."""
    argparse.ArgumentParser(prog="python -m benchmarks leeds", description=main.__doc__).parse_args(arguments)
    notebook = nbformat.read(ROOT / "solutions" / EXERCISE / f"{EXERCISE}.ipynb", as_version=4)
    cell = next(c for c in notebook.cells if c.id == "data")
    cell.source = cell.source.replace('DATA = "rendered_people"', 'DATA = "leeds_sports"')
    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(notebook, timeout=600, resources={"metadata": {"path": folder}}).execute()
        results = json.loads((Path(folder) / "results.json").read_text())
    print(json.dumps(results, indent=1))
    return 0
