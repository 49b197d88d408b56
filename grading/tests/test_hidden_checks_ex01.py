"""The promise of exercise 1's checks: right work passes in any style, wrong work fails by its name, in both checks."""

import importlib
import re

import pytest
import torch
from local_submission import LocalSubmission, marks, said
from right_variants_ex01 import REFERENCES, RIGHT_VARIANTS
from torch import nn

from grading.course import bake, held_out
from grading.hidden_checks import test_ex01_pose_regression as hidden
from grading.known_wrong.ex01_pose_regression import KNOWN_WRONG
from helpers import save_weights
from helpers.checks import ex01_pose_regression as check
from helpers.checks.engine.question import Wrong, read_hints
from helpers.checks.engine.table import Table
from helpers.checks.networks.trained import REGRESSION_MODEL

EXERCISE = "ex01_pose_regression"
POINTS = {"mpjpe": 4, "pck": 4, "masked_l2_loss": 4, "PoseRegressor": 6}
SEEDS = {"PoseRegressor": 1}  # a regressor takes a tenth of a second, a function a hundredth


pytestmark = pytest.mark.usefixtures("one_thread")


def bank(answers):
    return [pytest.param(q, answer, id=f"{q}-{name}") for q, named in answers.items() for name, answer in named.items()]


def wrong_bank():
    return [
        pytest.param(q, name.partition(".")[0], answer, id=f"{q}-{name}")
        for q, named in KNOWN_WRONG.items()
        for name, answer in named.items()
    ]


def hidden_marks(question, answer, seed):
    return marks(hidden, LocalSubmission(EXERCISE, {question: answer}, REFERENCES, seed), question)


@pytest.mark.parametrize(("question", "answer"), bank(RIGHT_VARIANTS))
def test_right_work_in_any_style_scores_full(question, answer, capsys):
    for seed in range(SEEDS.get(question, 4)):
        assert hidden_marks(question, answer, seed) == (POINTS[question], POINTS[question], [])
    assert said(check, question, answer, capsys).startswith(check.QUESTIONS[question].sentence)


@pytest.mark.parametrize(("question", "mistake", "answer"), wrong_bank())
def test_known_wrong_work_loses_points_and_is_named(question, mistake, answer, capsys):
    for seed in range(SEEDS.get(question, 4)):
        points, maximum, named = hidden_marks(question, answer, seed)
        assert points < maximum and named[0] == mistake
    hint = read_hints(EXERCISE)[question][mistake]
    assert hint in said(check, question, answer, capsys)


def test_every_hint_has_its_mistake_and_every_mistake_its_hint():
    observed = {"shape", "dtype", "type", "not_finite", "does_not_learn"}  # seen in values, no mistake of its own
    for question, hints in read_hints(EXERCISE).items():
        if question in KNOWN_WRONG:
            assert {name.partition(".")[0] for name in KNOWN_WRONG[question]} | observed >= set(hints)
            assert {name.partition(".")[0] for name in KNOWN_WRONG[question]} <= set(hints)


class EqualToEverything:
    def __eq__(self, other):
        return True

    def __float__(self):
        return 7.0


class Zeros(nn.Module):
    def __init__(self, backbone, num_keypoints, image_size):
        super().__init__()
        self.backbone, self.num_keypoints = backbone, num_keypoints

    def forward(self, images):
        return torch.zeros(len(images), self.num_keypoints, 2)


def stub(*_):
    raise NotImplementedError("Question 1")


FUNCTIONS = ("mpjpe", "pck", "masked_l2_loss")
WORTHLESS = [
    *[pytest.param(q, stub, id=f"{q}-stub") for q in POINTS],
    *[pytest.param(q, lambda *_: None, id=f"{q}-nothing") for q in POINTS],
    *[pytest.param(q, lambda *_: EqualToEverything(), id=f"{q}-equal-to-everything") for q in POINTS],
    *[pytest.param(q, lambda *_: float("nan"), id=f"{q}-nan") for q in FUNCTIONS],
    *[pytest.param(q, lambda *_: torch.tensor(0.0), id=f"{q}-zero") for q in FUNCTIONS],
    *[pytest.param(q, lambda *_: 0.5, id=f"{q}-constant") for q in FUNCTIONS],
    *[pytest.param(q, lambda pred, *_: 0 * pred[0].sum(), id=f"{q}-attached-zero") for q in FUNCTIONS],
    pytest.param("PoseRegressor", Zeros, id="PoseRegressor-zeros"),
    pytest.param("PoseRegressor", lambda backbone, *_: nn.Identity(), id="PoseRegressor-identity"),
    pytest.param("PoseRegressor", lambda backbone, *_: backbone, id="PoseRegressor-backbone"),
]


@pytest.mark.parametrize(("question", "answer"), WORTHLESS)
def test_worthless_work_scores_nothing(question, answer):
    for seed in range(3):
        assert hidden_marks(question, answer, seed)[:2] == (0, POINTS[question])


def test_the_stub_is_called_unwritten():
    for question in POINTS:
        assert set(hidden_marks(question, stub, 0)[2]) == {"not_written"}


ERRORS = torch.tensor([[[3.0, 4], [10, 0], [30, 40]], [[0, 8], [6, 8], [5, 12]]])
TARGET = torch.tensor([[[20.0, 5], [7, 31], [50, 9]], [[11, 40], [28, 3], [6, 17]]])
VISIBLE = torch.tensor([[True, False, False], [True, True, True]])


@pytest.mark.parametrize(
    ("mistake", "value"),
    [
        ("l1_distance", 11.5), ("divides_by_all_joints", 6.0), ("mean_per_image", 23 / 3), ("root_mean_square", 9.460),
        ("mean_over_x_and_y", 5.75), ("mask_inverted", 30.0), ("x_y_swapped", 31.81),
    ],
)  # fmt: skip
def test_mpjpe_mistakes_give_the_values_worked_out_by_hand(mistake, value):
    """Visible errors are 5, 8, 10 and 13 pixels: right is 9."""
    args = TARGET + ERRORS, TARGET, VISIBLE
    assert REFERENCES["mpjpe"](*args).item() == pytest.approx(9.0)
    assert KNOWN_WRONG["mpjpe"][mistake](*args).item() == pytest.approx(value, abs=5e-3)


def test_the_table_is_what_the_solution_notebook_gives():
    assert bake.table_path(EXERCISE).read_bytes() == bake.bake(EXERCISE)


def test_a_table_that_differs_in_meaning_is_noticed():
    table = bake.bake_table({"pck": check.QUESTIONS["pck"]}, REFERENCES, KNOWN_WRONG)
    again = bake.bake_table({"pck": check.QUESTIONS["pck"]}, REFERENCES, KNOWN_WRONG)
    assert bake.agree(table, again)
    fewer = {"pck": {name: answer for name, answer in KNOWN_WRONG["pck"].items() if name != "percent"}}
    assert not bake.agree(table, bake.bake_table({"pck": check.QUESTIONS["pck"]}, REFERENCES, fewer))
    again.tensors = [tensor + 0.25 if tensor.is_floating_point() else tensor for tensor in again.tensors]
    assert not bake.agree(table, again)


def test_a_solution_that_fails_its_own_check_is_not_baked():
    def half_right(*args):
        return REFERENCES["mpjpe"](*args) if args[2].any() else None

    with pytest.raises(Exception, match="mpjpe fails its check none_visible"):
        bake.bake_table({"mpjpe": check.QUESTIONS["mpjpe"]}, {"mpjpe": half_right}, {})


def test_helpers_hold_no_reference_and_no_known_wrong_version():
    """The table's tree holds digests, names of mistakes and values only."""
    text = str(Table.load(bake.table_path(EXERCISE)).entries)
    assert not re.search(r"lambda|def |return", text)


# The model question.


@pytest.fixture(scope="module")
def people(own_secret):
    """The held-out people of a course secret of our own."""
    return held_out.held_out_people()


class Recall(nn.Module):
    """Knows all held-out poses by heart, but for an offset: a model of exactly known error."""

    def __init__(self, people, offset):
        super().__init__()
        self.register_buffer("keys", people.images.double().flatten(1).std(dim=1))
        self.register_buffer("poses", people.keypoints + torch.tensor([0.6, 0.8]) * offset)

    def forward(self, images):
        keys = (images * 255).round().double().flatten(1).std(dim=1)
        return self.poses[(keys[:, None] - self.keys).abs().argmin(dim=1)]


def model_points(build, tmp_path, monkeypatch):
    """Return the points that hidden checks give for a model whose weights lie in the working folder."""
    monkeypatch.chdir(tmp_path)
    submission, points = LocalSubmission(EXERCISE, {"model": build}, {}), 0
    for threshold, worth in REGRESSION_MODEL.steps:
        try:
            hidden.test_model_on_held_out_scenes(submission, threshold)
            points += worth
        except Wrong as wrong:
            submission.last = wrong
    return points, getattr(submission, "last", None)


@pytest.mark.parametrize("share", [0.0, 0.99, 1.01])
def test_a_model_earns_the_points_of_its_error(people, tmp_path, monkeypatch, share):
    for threshold, points in REGRESSION_MODEL.thresholds:
        save_weights(Recall(people, share * threshold), tmp_path / f"{EXERCISE}.safetensors")
        earned, _ = model_points(lambda: Recall(people, 0.0), tmp_path, monkeypatch)
        assert earned == REGRESSION_MODEL.points_at(share * threshold)
        assert (earned >= points) == (share < 1)


def test_a_model_without_weights_or_with_others_earns_nothing_and_a_sentence(people, tmp_path, monkeypatch):
    points, wrong = model_points(lambda: Recall(people, 0.0), tmp_path, monkeypatch)
    assert (points, wrong.mistake) == (0, "no_weights")
    save_weights(nn.Linear(2, 2), tmp_path / f"{EXERCISE}.safetensors")
    points, wrong = model_points(lambda: Recall(people, 0.0), tmp_path, monkeypatch)
    assert (points, wrong.mistake) == (0, "other_weights")


def test_a_model_that_is_too_far_off_learns_how_far(people, tmp_path, monkeypatch):
    save_weights(Recall(people, 40.0), tmp_path / f"{EXERCISE}.safetensors")
    points, wrong = model_points(lambda: Recall(people, 0.0), tmp_path, monkeypatch)
    assert (points, wrong.mistake) == (0, "too_far") and wrong.hint.startswith("40.0 px on held-out scenes")


def test_a_model_of_nan_earns_nothing(people, tmp_path, monkeypatch):
    save_weights(Recall(people, float("nan")), tmp_path / f"{EXERCISE}.safetensors")
    points, wrong = model_points(lambda: Recall(people, 0.0), tmp_path, monkeypatch)
    assert (points, wrong.mistake) == (0, "not_finite")


def test_held_out_people_depend_on_the_secret(people, tmp_path, monkeypatch):
    monkeypatch.setattr(held_out, "GRADING", tmp_path)
    held_out.held_out_people.cache_clear()
    few = held_out.held_out_people(2)
    held_out.held_out_people.cache_clear()
    assert not torch.equal(few.images, people.images[:2])


def test_points_in_the_hidden_module_add_up():
    tests = [t for name, t in vars(hidden).items() if name.startswith("test_")]
    marked = [m for t in tests for m in t.pytestmark if m.name == "points"]
    assert {q: sum(m.args[1] for m in marked if m.args[0] == q) for q in POINTS} == POINTS
    assert sum(worth for _, worth in REGRESSION_MODEL.steps) == REGRESSION_MODEL.thresholds[-1][1] == 6
    assert importlib.import_module("helpers.checks.ex01_pose_regression").QUESTIONS.keys() == {*POINTS, "model"}
