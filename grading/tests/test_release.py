"""What students get is the solution minus its answers, and nothing of the staff's."""

import difflib
import inspect
import json
import shutil
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

import helpers
from grading.course import release
from grading.submission.release_number import release_number, stated_number
from helpers.checks.networks.trained import PEOPLE_MODEL, REGRESSION_MODEL, SEGMENTATION_MODEL, SOFTARGMAX_MODEL

ROOT = release.ROOT


def cells(folder: str, exercise: str) -> dict[str, dict]:
    notebook = json.loads((ROOT / folder / exercise / f"{exercise}.ipynb").read_text())
    return {cell["id"]: cell | {"source": "".join(cell["source"])} for cell in notebook["cells"]}


def answer_lines(exercise: str) -> list[str]:
    """Return the lines between BEGIN SOLUTION and END SOLUTION that are long enough to be told apart."""
    found, inside = [], False
    for cell in cells("solutions", exercise).values():
        for line in cell["source"].splitlines():
            if "SOLUTION" in line:
                inside = "BEGIN" in line
            elif inside and len(line.strip()) > 25:
                found.append(line.strip())
    return found


@pytest.mark.parametrize("exercise", release.EXERCISES)
def test_the_stub_is_the_solution_minus_lines(exercise):
    solved, released = cells("solutions", exercise), cells("exercises", exercise)
    assert list(solved) == list(released)
    for name, cell in solved.items():
        if cell["cell_type"] == "code":
            changes = difflib.ndiff(cell["source"].splitlines(), released[name]["source"].splitlines())
            added = {line[2:].strip() for line in changes if line.startswith("+ ")}
            assert added <= {"# YOUR CODE HERE", "raise NotImplementedError()"}, name


@pytest.mark.parametrize("exercise", release.EXERCISES)
def test_solutions_and_exercises_are_stored_without_outputs(exercise):
    for folder in ("solutions", "exercises"):
        for cell in cells(folder, exercise).values():
            assert not cell.get("outputs") and cell.get("execution_count") is None


@pytest.mark.parametrize("exercise", release.EXERCISES)
def test_every_stub_can_be_run_before_it_is_filled_in(exercise):
    """A class whose body raised could not even be defined, once."""
    names = {"torch": torch, "nn": torch.nn, "F": torch.nn.functional, "np": np, "helpers": helpers}
    answers = [c for c in cells("exercises", exercise).values() if c["metadata"].get("nbgrader", {}).get("solution")]
    for cell in (c for c in answers if c["cell_type"] == "code"):
        exec(compile(cell["source"], cell["id"], "exec"), names)
        made = names[cell["metadata"]["nbgrader"]["grade_id"].replace("model", "build_model")]
        with pytest.raises(NotImplementedError):
            made(*[None] * (len(inspect.signature(made).parameters)))


@pytest.mark.parametrize(
    ("exercise", "row", "model"),
    [
        ("ex01_pose_regression", "| up to {:g} px | {} |", REGRESSION_MODEL),
        ("ex02_softargmax", "| up to {:g} px | {} |", SOFTARGMAX_MODEL),
        ("ex03_segmentation", "| from {:.2f} | {} |", SEGMENTATION_MODEL),
        ("ex04_multi_person", "| from {:.2f} | {} |", PEOPLE_MODEL),
    ],
)
def test_the_notebook_states_the_points_of_the_model_question(exercise, row, model):
    text = cells("solutions", exercise)["question-model"]["source"]
    assert all(row.format(threshold, points) in text for threshold, points in model.thresholds)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> zipfile.ZipFile:
    path = release.write_bundle(tmp_path_factory.mktemp("bundle") / "students.zip")
    with zipfile.ZipFile(path) as opened:
        yield opened


def test_the_bundle_holds_no_solution_and_no_grading(bundle):
    names = bundle.namelist()
    assert not [name for name in names if "solutions/" in name or "grading/" in name or "/tests/" in name]
    text = "".join(bundle.read(name).decode(errors="ignore") for name in names)
    assert "BEGIN SOLUTION" not in text
    for exercise in release.EXERCISES:
        assert [line for line in answer_lines(exercise) if line in text] == []


def test_the_bundle_has_what_a_student_needs(bundle):
    inside = {name.removeprefix("deep-learning-lab/") for name in bundle.namelist()}
    assert {"README.md", "anywhere.md", "pyproject.toml", "constraints.txt", "environment.yml"} <= inside
    assert {".devcontainer/devcontainer.json", ".binder/postBuild", ".binder/runtime.txt"} <= inside
    starts = {"data/efficientnet_lite0.safetensors", "data/fine_backbone.safetensors"}
    assert {"data/body.npz", "data/poses.toml", "data/licenses/efficientnet-lite0-NOTICE.txt"} | starts <= inside
    assert {f"exercises/{exercise}/{exercise}.ipynb" for exercise in release.EXERCISES} <= inside
    assert not any(name.endswith(".py") and name.startswith("tools") for name in inside)


def test_all_may_read_what_root_unpacks(bundle, weekly, tmp_path):
    """An instructor may unpack the bundle for a hub, whose students are other accounts."""
    for path in weekly.rglob("*.zip"):
        with zipfile.ZipFile(path) as opened:
            assert {entry.external_attr >> 16 for entry in opened.infolist()} <= {0o100644, 0o100755}, path
    unzipped(Path(bundle.filename), tmp_path)
    run = [path for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_mode & 0o111]
    assert [path.name for path in run] == ["postBuild"]
    assert all(path.stat().st_mode & 0o044 == 0o044 for path in tmp_path.rglob("*"))


def test_students_do_not_install_what_only_staff_need(bundle):
    pins = bundle.read("deep-learning-lab/environment.yml").decode()
    assert "torch==" in pins and not [name for name in release.STAFF_ONLY if f"{name}==" in pins]


def test_the_bundle_is_the_same_bytes_twice(tmp_path):
    first, second = (release.write_bundle(tmp_path / name) for name in ("a.zip", "b.zip"))
    assert first.read_bytes() == second.read_bytes()


def test_a_notebook_that_nbgrader_refuses_is_a_clear_error(tmp_path):
    with pytest.raises(release.ReleaseError, match="ex99_missing"):
        release.generate(["ex99_missing"], Path(tmp_path))


def test_all_exercises_take_one_start_of_nbgrader(tmp_path, monkeypatch):
    started, run = [], subprocess.run
    monkeypatch.setattr(subprocess, "run", lambda line, **rest: started.append(line[:3]) or run(line, **rest))
    made = release.generate(release.EXERCISES, tmp_path)
    assert started == [["nbgrader", "generate_assignment", "ex*"]]
    for exercise, notebook in made.items():
        assert notebook.read_bytes() == (ROOT / "exercises" / exercise / f"{exercise}.ipynb").read_bytes()


# --- a week at a time ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def weekly(tmp_path_factory) -> Path:
    """The folder with the parts of the bundle."""
    folder = tmp_path_factory.mktemp("weekly")
    release.write_weekly(folder)
    return folder


def names(path: Path) -> set[str]:
    with zipfile.ZipFile(path) as opened:
        return {name.removeprefix("deep-learning-lab/") for name in opened.namelist()}


def unzipped(archive: Path, folder: Path) -> None:
    """Unpack an archive over what is there, as whoever says yes to all questions."""
    done = subprocess.run(["unzip", "-o", "-q", str(archive), "-d", str(folder)], check=False, capture_output=True)
    assert done.returncode == 0, done.stderr


def test_the_parts_are_the_bundle_and_have_no_file_in_common(weekly, bundle):
    parts = {path.relative_to(weekly).with_suffix("").as_posix(): names(path) for path in weekly.rglob("*.zip")}
    corrected = {f"corrected/{exercise}" for exercise in release.EXERCISES}
    assert parts.keys() == {"helpers", *release.EXERCISES, *corrected}
    everything = [name for part in parts.values() for name in part]
    assert len(everything) == len(set(everything))
    new = set().union(*(parts.pop(part) for part in corrected))
    assert set().union(*parts.values()) == {name.removeprefix("deep-learning-lab/") for name in bundle.namelist()}
    assert not any(name.startswith("exercises/") for name in parts.pop("helpers"))
    assert parts == {exercise: {f"exercises/{exercise}/{exercise}.ipynb"} for exercise in release.EXERCISES}
    for exercise in release.EXERCISES:
        number = release_number(json.loads((ROOT / f"exercises/{exercise}/{exercise}.ipynb").read_text()))
        assert f"exercises/{exercise}/{exercise}-release-{number}.ipynb" in new


def test_the_next_weeks_archives_overwrite_no_work(weekly, tmp_path):
    """Two exercises, worked on; then the third, newer helpers and a correction of the first."""
    home = tmp_path / "deep-learning-lab"
    for part in ("helpers", "ex00_start_here", "ex01_pose_regression"):
        unzipped(weekly / f"{part}.zip", tmp_path)
    first = home / "exercises/ex01_pose_regression"
    (first / "ex01_pose_regression.ipynb").write_text("my work")
    (first / "ex01_pose_regression.safetensors").write_bytes(b"my weights")
    (home / "exercises/ex00_start_here/mine.py").write_text("my own")
    (home / "helpers/seeds.py").write_text("an older version")
    (home / "data/cache").mkdir()
    (home / "data/cache/people.safetensors").write_bytes(b"rendered")
    for part in ("ex02_softargmax", "helpers", "corrected/ex01_pose_regression"):
        unzipped(weekly / f"{part}.zip", tmp_path)
    assert (first / "ex01_pose_regression.ipynb").read_text() == "my work"
    assert (first / "ex01_pose_regression.safetensors").read_bytes() == b"my weights"
    assert (home / "exercises/ex00_start_here/mine.py").read_text() == "my own"
    assert (home / "data/cache/people.safetensors").read_bytes() == b"rendered"
    assert (home / "helpers/seeds.py").read_bytes() == (ROOT / "helpers/seeds.py").read_bytes()
    corrected = list(first.glob("ex01_pose_regression-release-????????.ipynb"))
    released = ROOT / "exercises/ex01_pose_regression/ex01_pose_regression.ipynb"
    assert len(corrected) == 1 and corrected[0].read_bytes() == released.read_bytes()
    assert (home / "exercises/ex02_softargmax/ex02_softargmax.ipynb").is_file()


def test_the_parts_are_the_same_bytes_twice_and_old_ones_go(weekly, tmp_path):
    (tmp_path / "ex99_gone.zip").write_bytes(b"")
    release.write_weekly(tmp_path)
    again = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*.zip")}
    assert again == {path.relative_to(weekly): path.read_bytes() for path in weekly.rglob("*.zip")}


def test_a_release_that_changes_says_what_to_hand_out(tmp_path, monkeypatch, capsys):
    """The notebook that was there is another release: whoever has it gets the correction."""
    exercise, old = "ex00_start_here", "0123abcd"
    for folder in ("exercises", "helpers", "data", "docs", "grading/hidden_checks"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("cache", "__pycache__"))
    for name in ("LICENSE", "constraints.txt", "setup.py", "pyproject.toml", "environment.yml"):
        shutil.copy(ROOT / name, tmp_path)
    fresh = ROOT / "exercises" / exercise / f"{exercise}.ipynb"
    number = stated_number(json.loads(fresh.read_text()))
    target = tmp_path / "exercises" / exercise / f"{exercise}.ipynb"
    target.write_text(target.read_text().replace(number, old))
    monkeypatch.setattr(release, "ROOT", tmp_path)
    monkeypatch.setattr(release, "BUNDLE", tmp_path / "build/students.zip")
    monkeypatch.setattr(release.write_bundle, "__defaults__", (tmp_path / "build/students.zip",))
    monkeypatch.setattr(release.write_weekly, "__defaults__", (tmp_path / "build/weekly",))
    monkeypatch.setattr(release, "generate", lambda exercises, folder, gradebook=None: {exercise: fresh})
    monkeypatch.setattr(release.bake, "table_path", lambda name: tmp_path / "table")
    monkeypatch.setattr(release.bake, "bake", lambda name: b"")
    release.release_all([exercise])
    said = capsys.readouterr().out
    assert (
        f"release {number}\n  Do students have release {old}? Then hand out build/weekly/corrected/{exercise}.zip"
        in said
    )
    release.release_all([exercise])
    assert "Do students have" not in capsys.readouterr().out


def test_a_question_may_join_or_leave_once_there_are_submissions(tmp_path, monkeypatch, capsys):
    """nbgrader refuses that for its gradebook, and autograding takes it in or out there."""
    asked, tail = [], "[GenerateAssignmentApp | INFO] Writing\n" * 100

    def run(command, **options):
        asked.append(command[-1])
        failed = len(asked) == 1
        if not failed:
            (tmp_path / "ex01/ex01.ipynb").parent.mkdir(exist_ok=True)
            (tmp_path / "ex01/ex01.ipynb").write_text("{}")
        said = f"RuntimeError: {release.OTHER_CELLS} for notebook 'ex01' because there are submissions\n{tail}"
        return subprocess.CompletedProcess(command, int(failed), "", said * failed)

    monkeypatch.setattr(subprocess, "run", run)
    assert release._generated(["ex01"], tmp_path) == {"ex01": tmp_path / "ex01/ex01.ipynb"}
    assert asked[0] == "--db=sqlite:///grading/gradebook.db" != asked[1]
    assert "the gradebook follows with nbgrader autograde" in capsys.readouterr().out


def test_another_fault_of_nbgrader_ends_a_release(tmp_path, monkeypatch):
    broken = subprocess.CompletedProcess([], 1, "", "no such table")
    monkeypatch.setattr(subprocess, "run", lambda *command, **options: broken)
    with pytest.raises(release.ReleaseError, match="no such table"):
        release._generated(["ex01"], tmp_path)
