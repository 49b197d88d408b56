"""The model question of exercise 3: a network earns the points of its mean IoU on held-out scenes, and no others."""

import pytest
import torch
from local_submission import LocalSubmission, model_points
from torch import nn

from grading.course import held_out
from grading.hidden_checks import test_ex03_segmentation as hidden
from helpers.checks import ex03_segmentation as check
from helpers.checks.networks.trained import SEGMENTATION_MODEL
from helpers.metrics.indirect import class_agreement
from helpers.training.weights import save_weights

EXERCISE = "ex03_segmentation"


@pytest.fixture(scope="module")
def scenes(own_secret):
    """The held-out scenes of a course secret of our own."""
    return held_out.held_out_masks()


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Work in a folder of the test's own, where the weights lie."""
    monkeypatch.chdir(tmp_path)


class Recall(nn.Module):
    """Knows all held-out masks by heart, but for the classes of a share of the pixels."""

    def __init__(self, scenes, share):
        super().__init__()
        self.register_buffer("keys", scenes.images.double().flatten(1).std(dim=1))
        masks = scenes.masks.long().clone()
        masks[masks == 255] = 0
        lost = torch.rand(masks.shape, generator=torch.Generator().manual_seed(0)) < share
        self.register_buffer("masks", torch.where(lost, (masks + 1) % 6, masks))

    def forward(self, images):
        keys = (images * 255).round().double().flatten(1).std(dim=1)
        masks = self.masks[(keys[:, None] - self.keys).abs().argmin(dim=1)]
        return nn.functional.one_hot(masks, 6).permute(0, 3, 1, 2).float()


class Answers(nn.Module):
    """A network that answers whatever it is told to make of the images."""

    def __init__(self, make):
        super().__init__()
        self.make, self.bias = make, nn.Parameter(torch.zeros(1))

    def forward(self, images):
        return self.make(images)


@pytest.mark.parametrize("share", [0.0, 0.05, 0.1, 0.15, 0.2, 0.3])
def test_a_model_earns_the_points_of_its_score(scenes, share):
    network = Recall(scenes, share)
    save_weights(network, hidden.WEIGHTS)
    earned, _ = model_points(EXERCISE, SEGMENTATION_MODEL, lambda: Recall(scenes, 0.5))
    score = class_agreement(network.masks, scenes.masks.long(), 6)
    assert earned == SEGMENTATION_MODEL.points_at(score)


def test_perfect_memory_scores_one_and_a_worse_one_less(scenes):
    for share, low, high in ((0.0, 1.0, 1.0), (0.2, 0.3, 0.75)):
        save_weights(Recall(scenes, share), hidden.WEIGHTS)
        submission = LocalSubmission(EXERCISE, {"model": lambda: Recall(scenes, 0.5)}, {})
        assert low <= held_out.mean_iou_of(submission, hidden.WEIGHTS) <= high


@pytest.mark.parametrize(
    ("make", "mistake"),
    [
        pytest.param(lambda x: torch.zeros(len(x), 6, 128, 128), "too_far", id="one-class"),
        pytest.param(lambda x: torch.full((len(x), 6, 128, 128), torch.nan), "not_logits", id="nan"),
        pytest.param(lambda x: torch.zeros(len(x), 5, 128, 128), "logits_shape", id="five-classes"),
        pytest.param(lambda x: torch.zeros(len(x), 6, 64, 64), "logits_shape", id="half-size"),
        pytest.param(lambda x: torch.zeros(len(x), 128, 128, dtype=torch.int64), "not_logits", id="labels"),
        pytest.param(lambda x: torch.zeros(len(x), 128, 128), "not_logits", id="no-class-axis"),
        pytest.param(lambda x: {"logits": torch.zeros(len(x), 6, 128, 128)}, "not_logits", id="dict"),
    ],
)
def test_wrong_models_earn_nothing_and_are_named(scenes, make, mistake):
    save_weights(Answers(make), hidden.WEIGHTS)
    points, wrong = model_points(EXERCISE, SEGMENTATION_MODEL, lambda: Answers(make))
    assert (points, wrong.mistake) == (0, mistake)


def test_a_model_without_weights_or_with_others_or_none_at_all_earns_nothing(scenes):
    points, wrong = model_points(EXERCISE, SEGMENTATION_MODEL, lambda: Recall(scenes, 0.0))
    assert (points, wrong.mistake) == (0, "no_weights")
    save_weights(nn.Linear(2, 2), hidden.WEIGHTS)
    points, wrong = model_points(EXERCISE, SEGMENTATION_MODEL, lambda: Recall(scenes, 0.0))
    assert (points, wrong.mistake) == (0, "other_weights")
    points, wrong = model_points(EXERCISE, SEGMENTATION_MODEL, lambda: 3)
    assert (points, wrong.mistake) == (0, "not_a_module")


def test_the_agreement_of_classes_is_the_mean_iou_worked_out_by_hand():
    """Truth 0 0 1 1, prediction 0 1 1 1: 1/2 and 2/3; a class in neither is left out, one in the truth alone is 0.

    Of large images the two pixels more in a union are not seen, of these four they would be.
    """
    large = 100_000
    pred, target = torch.tensor([0, 1, 1, 1]), torch.tensor([0, 0, 1, 1])
    found = class_agreement(pred.repeat(large), target.repeat(large), 3)
    assert found == pytest.approx(7 / 12, abs=1e-5)
    assert abs(class_agreement(pred, target, 3) - 7 / 12) > 0.1
    pred, target = torch.tensor([0, 0, 0]).repeat(large), torch.tensor([0, 2, 255]).repeat(large)
    assert class_agreement(pred, target, 3) == pytest.approx((1 / 2 + 0) / 2, abs=1e-5)


def test_held_out_scenes_are_scored_by_the_exact_count():
    class Four:
        masks, num_classes = torch.tensor([[0, 0, 1, 1, 255]], dtype=torch.uint8), 3

    assert held_out._mean_iou(torch.tensor([[0, 1, 1, 1, 2]]), Four) == pytest.approx(7 / 12)


def test_the_visible_check_tells_score_and_points(capsys):
    network = Answers(lambda x: torch.zeros(len(x), 6, 128, 128))
    check.model(lambda: network, str(save_weights(network, "weights.safetensors")))
    threshold, points = SEGMENTATION_MODEL.thresholds[-1]
    told = capsys.readouterr().out
    assert told.startswith("model: mIoU 0.1") and "0 points (" in told and f"{points} from {threshold:g}" in told


def test_more_is_better():
    assert SEGMENTATION_MODEL.points_at(1.0) == 6 and SEGMENTATION_MODEL.points_at(float("nan")) == 0
    assert [SEGMENTATION_MODEL.points_at(t) for t, _ in SEGMENTATION_MODEL.thresholds] == [2, 4, 6]
