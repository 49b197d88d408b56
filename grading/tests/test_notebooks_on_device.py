"""Every cell of every solution notebook on a make-believe GPU: no mixed devices, no look in any training's steps."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from benchmarks.gpu import CELLS
from grading.course.release import EXERCISES
from grading.tests import notebook_on_device
from helpers.files import ROOT

TRAININGS = {
    "ex01_pose_regression": {"overfit-eight", "training", "pretrained-run"},
    "ex02_softargmax": {
        "collapse-run", "scoremap-training", "training", "regression-training", "regularised-training",
        "hourglass-training", "starts-training",
    },
    "ex03_segmentation": {"upsample-training", "transposed-training", "training", "training-again", "ecru-training"},
    "ex04_multi_person": {"train-detector", "train-pose-cell", "training"},
    "ex05_instances": {"training"},
}  # fmt: skip


def test_every_exercise_that_trains_is_listed_here_and_measured_on_a_gpu():
    notebooks = {key: ROOT / "solutions" / key / f"{key}.ipynb" for key in EXERCISES}
    trains = {key for key, path in notebooks.items() if "helpers.fit(" in path.read_text(encoding="utf-8")}
    assert trains == set(TRAININGS) == set(CELLS)


@pytest.mark.parametrize(("words", "status", "said"), [(["--help"], 0, "usage: "), (["ex99"], 2, "invalid choice")])
def test_help_and_an_exercise_that_is_not_there_are_sentences(capsys, words, status, said):
    with pytest.raises(SystemExit) as ended:
        notebook_on_device.main(words)
    assert ended.value.code == status and said in "".join(capsys.readouterr())


@pytest.mark.parametrize("exercise", TRAININGS)
def test_a_notebook_runs_on_a_gpu_and_no_step_looks(exercise, tmp_path):
    command = [sys.executable, "-m", "grading.tests.notebook_on_device", exercise]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=500)
    assert done.returncode == 0, done.stderr[-4000:]
    found = json.loads(done.stdout)
    assert found["error"] is None, found["error"]
    assert found["trainings"].keys() >= TRAININGS[exercise]
    for cell, seen in found["trainings"].items():
        assert seen["steps"] >= 19, cell
        assert not any(seen["looks"].values()), (cell, seen["looks"])
        assert not any(seen["waits"].values()), (cell, seen["waits"])
        assert 0 < sum(seen["sent"].values()) <= 2.5, (cell, seen["sent"])  # two, and the order of each epoch


def test_the_script_for_a_real_gpu_runs_here_in_small(tmp_path):
    """On the CPU nobody waits and ratios say nothing; places are exact at half precision here as well."""
    options = ["--device", "cpu", "--quick", "--exercises", "ex02_softargmax", "--out", str(tmp_path / "gpu.json")]
    done = subprocess.run([sys.executable, "-m", "benchmarks.gpu", *options], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-4000:]
    found = json.loads((tmp_path / "gpu.json").read_text())
    measured = {name.split(", ")[1] for name in found["trainings"]}
    assert measured == TRAININGS["ex02_softargmax"] and found["quick"]
    places = [row for row in found["rows"] if row["what"].endswith("px")]
    assert len(places) == 6 and all(row["value"] <= 1e-3 for row in places)
