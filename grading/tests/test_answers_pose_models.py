"""The model questions of exercises 1 and 2: a network earns the points of its error on held-out scenes."""

import pytest
import torch
from local_submission import LocalSubmission, hidden_module, model_points
from torch import nn

from grading.course import held_out
from grading.known_wrong.ex02_softargmax_models import WRONG_MODELS
from helpers import save_weights
from helpers.checks import ex02_softargmax as check
from helpers.checks.networks.trained import REGRESSION_MODEL, SOFTARGMAX_MODEL

MODELS = {"ex01_pose_regression": REGRESSION_MODEL, "ex02_softargmax": SOFTARGMAX_MODEL}
of_both = pytest.mark.parametrize("exercise", MODELS)


@pytest.fixture(scope="module")
def people(own_secret):
    """The held-out people of a course secret of our own."""
    return held_out.held_out_people()


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Work in a folder of the test's own, where the weights lie."""
    monkeypatch.chdir(tmp_path)


class Recall(nn.Module):
    """Knows all held-out poses by heart, but for an offset: a model of exactly known error."""

    def __init__(self, people, offset):
        super().__init__()
        self.register_buffer("keys", people.images.double().flatten(1).std(dim=1))
        self.register_buffer("poses", people.keypoints + torch.tensor([0.6, 0.8]) * offset)

    def forward(self, images):
        keys = (images * 255).round().double().flatten(1).std(dim=1)
        return self.poses[(keys[:, None] - self.keys).abs().argmin(dim=1)]


class RecallScores(Recall):
    """Gives scores besides, as the networks of exercise 2 do."""

    def forward(self, images):
        keypoints = super().forward(images)
        return keypoints, keypoints.new_zeros(len(images), 17, 16, 16)


def weights_of(exercise):
    return hidden_module(exercise).WEIGHTS


def points_of(exercise, build):
    return model_points(exercise, MODELS[exercise], build)


@pytest.mark.parametrize(
    ("exercise", "network", "share"),
    [
        *[("ex01_pose_regression", Recall, share) for share in (0.0, 0.99, 1.01)],
        *[("ex02_softargmax", network, share) for network in (RecallScores, Recall) for share in (0.99, 1.01)],
    ],
)
def test_a_model_earns_the_points_of_its_error(people, exercise, network, share):
    model = MODELS[exercise]
    for threshold, points in model.thresholds:
        save_weights(network(people, share * threshold), weights_of(exercise))
        earned, _ = points_of(exercise, lambda: network(people, 0.0))
        assert earned == model.points_at(share * threshold)
        assert (earned >= points) == (share < 1)


@of_both
def test_a_model_without_weights_or_with_others_earns_nothing_and_a_sentence(people, exercise):
    points, wrong = points_of(exercise, lambda: Recall(people, 0.0))
    assert (points, wrong.mistake) == (0, "no_weights")
    save_weights(nn.Linear(2, 2), weights_of(exercise))
    points, wrong = points_of(exercise, lambda: Recall(people, 0.0))
    assert (points, wrong.mistake) == (0, "other_weights")


@of_both
def test_a_model_that_is_too_far_off_learns_how_far(people, exercise):
    save_weights(Recall(people, 40.0), weights_of(exercise))
    points, wrong = points_of(exercise, lambda: Recall(people, 0.0))
    assert (points, wrong.mistake) == (0, "too_far") and wrong.hint.startswith("40.0 px on held-out scenes")


@of_both
def test_a_model_of_nan_earns_nothing(people, exercise):
    save_weights(Recall(people, float("nan")), weights_of(exercise))
    points, wrong = points_of(exercise, lambda: Recall(people, 0.0))
    assert (points, wrong.mistake) == (0, "not_finite")


@pytest.mark.parametrize(("mistake", "build"), WRONG_MODELS.items(), ids=WRONG_MODELS.keys())
def test_wrong_models_earn_nothing_and_are_named(people, mistake, build):
    network = build()
    save_weights(network if isinstance(network, nn.Module) else nn.Linear(2, 2), weights_of("ex02_softargmax"))
    points, wrong = points_of("ex02_softargmax", build)
    assert (points, wrong.mistake) == (0, mistake)


def test_the_error_is_kept_for_each_weights_file(people):
    submission = LocalSubmission("ex02_softargmax", {"model": lambda: Recall(people, 0.0)}, {})
    for name, offset in (("a.safetensors", 3.0), ("b.safetensors", 5.0)):
        save_weights(Recall(people, offset), name)
        assert held_out.mpjpe_of(submission, name) == pytest.approx(offset, abs=1e-3)
    save_weights(Recall(people, 9.0), "a.safetensors")
    assert held_out.mpjpe_of(submission, "a.safetensors") == pytest.approx(3.0, abs=1e-3)


def test_held_out_people_depend_on_the_secret(people, tmp_path, monkeypatch):
    monkeypatch.setattr(held_out, "GRADING", tmp_path)
    held_out.held_out_people.cache_clear()
    few = held_out.held_out_people(2)
    held_out.held_out_people.cache_clear()
    assert not torch.equal(few.images, people.images[:2])


def test_the_visible_check_tells_error_and_points(capsys):
    network = WRONG_MODELS["too_far"]()
    check.model(WRONG_MODELS["too_far"], str(save_weights(network, "weights.safetensors")))
    threshold, points = SOFTARGMAX_MODEL.thresholds[-1]
    told = capsys.readouterr().out
    assert "0 points (" in told and f"{points} up to {threshold:g} px" in told


@of_both
def test_a_model_has_six_points(exercise):
    model = MODELS[exercise]
    assert sum(added for _, added in model.steps) == model.thresholds[-1][1] == 6
    assert [model.points_at(t) for t, _ in model.thresholds] == [points for _, points in model.thresholds]
