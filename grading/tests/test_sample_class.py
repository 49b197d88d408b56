"""The sample classes, graded by stock nbgrader from the repository's root: `make demo` after its environment."""

import csv
import json
import os
import re
import subprocess
import sys

import pytest
from local_submission import hidden_names
from test_release import answer_lines

from grading import sample_class
from grading.course import held_out
from grading.course.course import Course
from grading.course.release import ROOT
from grading.sample_submissions import EXERCISE, SUBMISSIONS

SLOW_TRAINING = 2400  # seconds; the networks of the classes are trained once, unless the notebooks were run before
TIER = {exercise: () if exercise == EXERCISE else pytest.mark.full for exercise in SUBMISSIONS}
EXERCISES = [pytest.param(exercise, marks=tier) for exercise, tier in TIER.items()]
STUDENTS = [pytest.param(e, student, marks=TIER[e]) for e, students in SUBMISSIONS.items() for student in students]
MISTAKES = {
    "ex01_pose_regression": {
        "mpjpe": "l1_distance",
        "masked_l2_loss": "divides_by_all_joints",
        "PoseRegressor": "normalised_output",
    },
    "ex02_softargmax": {
        "gaussian_scoremaps": "rounds_the_centre",
        "softargmax": "x_y_swapped",
        "SoftargmaxPose": "map_pixels",
        "lean_softargmax": "memory",
    },
    "ex03_segmentation": {
        "mean_iou": "absent_counts_as_zero",
        "transposed_convolution": "flipped_kernel",
        "segmentation_loss": "softmax_first",
        "UNetDecoder": "skip_unused",
        "model": "too_far",
    },
    "ex04_multi_person": {
        "crops_to_image": "shift_before_matrix",
        "part_affinity_fields": "not_unit_length",
        "affinity_score": "unsigned",
        "match_limbs": "never_removed",
    },
    "ex05_instances": {
        "offset_targets": "middle_of_the_box",
        "group_pixels": "ignores_offsets",
        "panoptic_quality": "mean_of_images",
    },
}
TRAINED = [exercise for exercise in SUBMISSIONS if "model" in Course(ROOT, exercise).maxima]


@pytest.fixture(scope="module")
def demo(request):
    """Run the command once, for the one exercise that the chosen tests look at or for all, and give what it printed."""
    asking = [item for item in request.session.items if item.path == request.path and "demo" in item.fixturenames]
    asked = {item.callspec.params["exercise"] for item in asking if hasattr(item, "callspec")}
    before = changed_files()
    command = [sys.executable, "-m", "grading", "sample-class", *(asked if len(asked) == 1 else ())]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SLOW_TRAINING, check=False)
    assert changed_files() == before  # nothing outside grading/sample and the caches
    return done


def changed_files() -> str:
    git = ["git", "-c", "safe.directory=*"]  # in CI's container the files belong to another user
    return subprocess.check_output([*git, "status", "--porcelain"], cwd=ROOT, text=True)


def report(exercise: str, student: str) -> dict:
    return json.loads((sample_class.SAMPLE / "reports" / exercise / f"{student}.json").read_text())


def page(exercise: str, student: str) -> str:
    return (sample_class.SAMPLE / "feedback" / student / exercise / f"{exercise}.html").read_text()


@pytest.mark.parametrize("exercise", EXERCISES)
def test_every_mark_is_as_deserved(demo, exercise):
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert exercise in demo.stdout and all(student in demo.stdout for student in SUBMISSIONS[exercise])


@pytest.mark.parametrize(("exercise", "student"), STUDENTS)
def test_every_student_ends_with_a_report_and_a_feedback_page(demo, exercise, student):
    questions = report(exercise, student)["questions"]
    assert all({"points", "bonus", "verdict", "hint", "seconds"} <= question.keys() for question in questions.values())
    assert all(question in page(exercise, student) for question in questions)


@pytest.mark.parametrize("exercise", EXERCISES)
def test_the_export_holds_every_deserved_mark_with_its_extra_points(demo, tmp_path, exercise):
    held_out.draw_from(b"another course, that this process graded before")
    with open(sample_class.SAMPLE / "marks.csv") as file:
        scores = {(row["assignment"], row["student_id"]): float(row["score"]) for row in csv.DictReader(file)}
    weights = sample_class.trained_weights(exercise)
    for student, marks in sample_class.deserved_marks(tmp_path, weights, exercise).items():
        assert scores[exercise, student] == sum(marks.values()), student


@pytest.mark.full
def test_the_networks_of_the_classes_have_learnt_something(demo):
    """How much depends on the machine, by whose clock they are trained: all 24 points on two quiet, quick cores.

    No network that has learnt nothing earns any.
    """
    points = {name: sample_class.model_points(name, sample_class.trained_weights(name)) for name in TRAINED}
    assert sum(points.values()) >= 4, points


def test_weights_that_a_run_of_the_notebook_left_are_taken(tmp_path, monkeypatch):
    monkeypatch.setattr(sample_class, "ROOT", tmp_path)
    notebook = tmp_path / "solutions/ex01_pose_regression/ex01_pose_regression.ipynb"
    notebook.parent.mkdir(parents=True)
    notebook.write_bytes((ROOT / "solutions/ex01_pose_regression/ex01_pose_regression.ipynb").read_bytes())
    assert sample_class.weights_at_hand("ex01_pose_regression") is None
    left, cached = notebook.with_suffix(".safetensors"), sample_class._cached("ex01_pose_regression")
    cached.parent.mkdir(parents=True)
    left.write_bytes(b"left"), cached.write_bytes(b"cached")
    os.utime(notebook, (1, 1))
    assert sample_class.trained_weights("ex01_pose_regression") == b"left"
    os.utime(left, (0, 0))  # by an older notebook
    assert sample_class.trained_weights("ex01_pose_regression") == b"cached"


def test_the_best_of_each_class_have_all_points_of_the_notebook():
    for exercise, students in SUBMISSIONS.items():
        course = Course(ROOT, exercise)
        marks = students["ada_perfect"](course.released, sample_class.answer_sources(exercise), b"").deserved
        bonus = {question: 3.0 for question in course.maxima if question in ("lean_softargmax", "add_offsets")}
        assert marks == {**course.maxima, **bonus}


@pytest.mark.parametrize("exercise", EXERCISES)
def test_feedback_holds_no_hidden_check(demo, exercise):
    names = hidden_names(exercise)
    pages = "".join(page(exercise, student) for student in SUBMISSIONS[exercise])
    assert len(names) > 5 and not [name for name in names if name in pages]


@pytest.mark.parametrize("exercise", EXERCISES)
def test_feedback_of_the_untouched_notebook_holds_no_line_of_the_solution(demo, exercise):
    text = re.sub(r"<[^>]+>", "", page(exercise, "dua_untouched"))
    given = "\n".join(cell["source"] for cell in Course(ROOT, exercise).released["cells"])  # code that all students get
    lines = [line for line in answer_lines(exercise) if line not in given]
    assert lines and not [line for line in lines if line in text]


@pytest.mark.parametrize("exercise", EXERCISES)
def test_hints_name_the_known_mistakes(demo, exercise):
    questions = report(exercise, "eli_known_mistakes")["questions"]
    assert {name: questions[name]["mistake"] for name in MISTAKES[exercise]} == MISTAKES[exercise]


def test_an_exercise_without_a_network_to_hand_in_trains_none():
    assert {
        exercise: sample_class.trained_weights(exercise) for exercise in SUBMISSIONS if exercise not in TRAINED
    } == {"ex05_instances": b""}


@pytest.mark.parametrize("exercise", TRAINED)
def test_the_network_of_a_class_is_trained_without_pictures_and_other_networks(exercise):
    code = sample_class.reference_training(exercise)
    assert code.count("helpers.fit(") == 1
    assert len(re.findall(r'save_to=(?:WEIGHTS|"ex)', code)) == 1
    assert "pictures." not in code and "def build_model" in code
