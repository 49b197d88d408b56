"""The model question of exercise 4: a system earns the points of its AP on held-out scenes, and no others."""

import pytest
import torch
from local_submission import LocalSubmission, model_points
from torch import nn

from grading.course import held_out
from grading.hidden_checks import test_ex04_multi_person as hidden
from helpers.checks import ex04_multi_person as check
from helpers.checks.networks.trained import PEOPLE_MODEL
from helpers.metrics.oks import average_precision
from helpers.training.weights import save_weights

EXERCISE = "ex04_multi_person"


@pytest.fixture(scope="module")
def scenes(own_secret):
    """The held-out scenes of a course secret of our own."""
    return held_out.held_out_crowds()


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Work in a folder of the test's own, where the weights lie."""
    monkeypatch.chdir(tmp_path)


class Recall(nn.Module):
    """Knows the people of all held-out scenes by heart, but for some pixels in x and y."""

    def __init__(self, scenes, pixels):
        super().__init__()
        self.register_buffer("keys", scenes.images.double().flatten(1).std(dim=1))
        noise = pixels * torch.randn(scenes.keypoints.shape, generator=torch.Generator().manual_seed(0))
        self.register_buffer("known", nn.functional.pad(scenes.keypoints + noise, (0, 1), value=1.0))
        self.register_buffer("present", scenes.present.to(torch.uint8))

    def people(self, images):
        keys = (images * 255).round().double().flatten(1).std(dim=1)
        found = (keys[:, None] - self.keys).abs().argmin(dim=1)
        return [self.known[i][self.present[i] > 0] for i in found]


class Answers(nn.Module):
    """A system that answers whatever it is told to make of the images."""

    def __init__(self, make):
        super().__init__()
        self.make, self.bias = make, nn.Parameter(torch.zeros(1))

    def people(self, images):
        return self.make(images)


@pytest.mark.parametrize("pixels", [0.0, 1.0, 2.0, 2.5, 3.0, 4.0, 8.0])
def test_a_system_earns_the_points_of_its_score(scenes, pixels):
    system = Recall(scenes, pixels)
    save_weights(system, hidden.WEIGHTS)
    earned, _ = model_points(EXERCISE, PEOPLE_MODEL, lambda: Recall(scenes, 50.0))
    score = average_precision(system.people(scenes.images / 255), scenes)["AP"]
    assert earned == PEOPLE_MODEL.points_at(score)


def test_perfect_memory_scores_one_and_a_worse_one_less(scenes):
    for pixels, low, high in ((0.0, 1.0, 1.0), (2.0, 0.2, 0.8)):
        save_weights(Recall(scenes, pixels), hidden.WEIGHTS)
        submission = LocalSubmission(EXERCISE, {"model": lambda: Recall(scenes, 50.0)}, {})
        assert low <= held_out.ap_of(submission, hidden.WEIGHTS) <= high


NOBODY = [torch.zeros(0, 17, 3)]


@pytest.mark.parametrize(
    ("make", "mistake"),
    [
        pytest.param(lambda x: NOBODY * len(x), "too_far", id="nobody"),
        pytest.param(lambda x: [torch.full((2, 17, 3), 5.0)] * len(x), "too_far", id="everybody-in-the-corner"),
        pytest.param(lambda x: [torch.full((1, 17, 3), torch.nan)] * len(x), "not_people", id="nan"),
        pytest.param(lambda x: [torch.full((1, 17, 3), torch.inf)] * len(x), "not_people", id="infinite"),
        pytest.param(lambda x: [torch.zeros(1, 17, 2)] * len(x), "not_people", id="no-scores"),
        pytest.param(lambda x: [torch.zeros(17, 3)] * len(x), "not_people", id="no-person-axis"),
        pytest.param(lambda x: NOBODY, "not_people", id="one-image-only"),
        pytest.param(lambda x: torch.zeros(len(x), 2, 17, 3), "not_people", id="a-tensor"),
        pytest.param(lambda x: [None] * len(x), "not_people", id="none"),
        pytest.param(lambda x: None, "not_people", id="nothing"),
    ],
)
def test_wrong_systems_earn_nothing_and_are_named(scenes, make, mistake):
    save_weights(Answers(make), hidden.WEIGHTS)
    points, wrong = model_points(EXERCISE, PEOPLE_MODEL, lambda: Answers(make))
    assert (points, wrong.mistake) == (0, mistake)


def test_a_system_without_weights_or_with_others_or_without_people_earns_nothing(scenes):
    points, wrong = model_points(EXERCISE, PEOPLE_MODEL, lambda: Recall(scenes, 0.0))
    assert (points, wrong.mistake) == (0, "no_weights")
    save_weights(nn.Linear(2, 2), hidden.WEIGHTS)
    points, wrong = model_points(EXERCISE, PEOPLE_MODEL, lambda: Recall(scenes, 0.0))
    assert (points, wrong.mistake) == (0, "other_weights")
    points, wrong = model_points(EXERCISE, PEOPLE_MODEL, lambda: nn.Linear(2, 2))
    assert (points, wrong.mistake) == (0, "no_people")
    points, wrong = model_points(EXERCISE, PEOPLE_MODEL, lambda: 3)
    assert (points, wrong.mistake) == (0, "not_a_module")


def test_the_visible_check_tells_score_and_points(capsys):
    system = Answers(lambda x: NOBODY * len(x))
    check.model(lambda: system, str(save_weights(system, "weights.safetensors")))
    threshold, points = PEOPLE_MODEL.thresholds[-1]
    told = capsys.readouterr().out
    assert told.startswith("model: AP 0.000") and "0 points (" in told and f"{points} from {threshold:g}" in told


def test_more_is_better():
    assert PEOPLE_MODEL.points_at(1.0) == 6 and PEOPLE_MODEL.points_at(float("nan")) == 0
    assert [PEOPLE_MODEL.points_at(t) for t, _ in PEOPLE_MODEL.thresholds] == [2, 4, 6]


def test_of_thousands_of_people_those_are_scored_that_count(scenes):
    """To score all that fit into a reply would take minutes."""
    draw = torch.Generator().manual_seed(0)
    system, some = Recall(scenes, 2.0), scenes[:4]
    unsure = torch.tensor([128.0, 96.0, 0.9])
    people = [torch.cat([torch.rand(999, 17, 3, generator=draw) * unsure, p]) for p in system.people(some.images / 255)]
    kept = PEOPLE_MODEL.checked("", {"people": people}, some.images)
    assert {len(found) for found in kept} == {100}
    assert 0 < average_precision(kept, some)["AP"] == average_precision(people, some)["AP"]


def test_people_of_one_confidence_stay_in_the_order_given():
    found = torch.arange(150.0)[:, None, None].repeat(1, 17, 3)
    found[:, :, 2] = 1.0
    found[120:, :, 2] = 2.0
    assert PEOPLE_MODEL.most_confident(found)[:, 0, 0].tolist() == [*range(70), *range(120, 150)]
