"""What is special to `SoftargmaxPose`: what ties keypoints to scores, and maps of many pixels."""

import pytest
import torch
from answer_bank import hidden_marks
from torch import nn

from grading.known_wrong.ex02_softargmax import KNOWN_WRONG
from grading.right_variants import ex02_softargmax_models as variants
from helpers.checks import ex02_softargmax as check
from helpers.checks.engine.question import Wrong, case_rng
from helpers.checks.networks.score_ties import explain
from helpers.checks.networks.softargmax import SOFTARGMAX_POSE

POSE = SOFTARGMAX_POSE.name

pytestmark = pytest.mark.usefixtures("one_thread")


# What ties keypoints to scores.


def scores_of(peaks, rows, columns):
    """Return maps (1, K, rows, columns) of 0 with one high score each."""
    scores = torch.zeros(1, len(peaks), rows, columns)
    for keypoint, (x, y) in enumerate(peaks):
        scores[0, keypoint, y, x] = 6.0 + keypoint
    return scores


PEAKS = [(0, 0), (5, 0), (2, 3), (4, 1), (1, 2), (3, 3)]


def mistake_of(keypoints, scores, size=(32, 48), stride=8):
    ties = explain(keypoints, scores, size, stride)
    return ties and ties.mistake


@pytest.mark.parametrize("beta", [0.2, 0.95, 1.05, 7.0])
def test_the_places_of_another_inverse_temperature_are_told(beta):
    scores = 2 * torch.randn(3, 6, 4, 6, generator=torch.Generator().manual_seed(0))
    assert mistake_of((variants.softargmax(scores) + 0.5) * 8 - 0.5, scores) is None
    assert mistake_of((variants.softargmax(scores, beta) + 0.5) * 8 - 0.5, scores) == "other_beta"
    assert mistake_of((variants.softargmax(scores, beta) + 0.5) * 8 - 0.5, beta * scores) is None


@pytest.mark.parametrize("shift", [-8.0, -0.5, -2e-3, 2e-3, 0.25, 7.9])
def test_the_mapping_may_be_off_by_a_thousandth_of_a_pixel_and_no_more(shift):
    scores = scores_of(PEAKS, 4, 6)
    right = (variants.softargmax(scores) + 0.5) * 8 - 0.5
    assert mistake_of(right + 5e-4, scores) is None
    assert mistake_of(right + shift, scores) == "offset"


@pytest.mark.parametrize(
    ("mapping", "mistake"),
    [
        (lambda p: p, "map_pixels"), (lambda p: p * 8, "half_pixel_forgotten"),
        (lambda p: (p + 0.5) * 8, "half_pixel_left"),
        (lambda p: p * torch.tensor([47 / 5, 31 / 3]), "corners_aligned"),
        (lambda p: p * torch.tensor([48 / 5, 32 / 3]), "corners_aligned"),
        (lambda p: (p + 0.5) / torch.tensor([6.0, 4]), "normalised_output"),
        (lambda p: (p + 0.5) / torch.tensor([6.0, 4]) * torch.tensor([32.0, 48]), "height_for_width"),
        (lambda p: (p + 0.5) * 16 - 0.5, "fixed_stride"), (lambda p: 1.1 * ((p + 0.5) * 8 - 0.5), "other_scale"),
        (lambda p: (p.flip(-1) + 0.5) * 8 - 0.5, "x_y_swapped"),
    ],
)  # fmt: skip
def test_each_other_way_from_map_to_image_is_told(mapping, mistake):
    scores = scores_of(PEAKS, 4, 6)
    assert mistake_of(mapping(variants.softargmax(scores)), scores) == mistake


def test_the_verdict_shows_the_line_that_was_found(capsys):
    check.SoftargmaxPose(KNOWN_WRONG[POSE]["half_pixel_forgotten"])
    told = capsys.readouterr().out
    assert "x = 8 * place + 0 and y = 8 * place + 0" in told and "8 * place + 3.5 on both" in told


@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_keypoints_that_do_not_follow_from_the_scores_are_noticed(noise):
    """Half a pixel of noise, where peaks are 8 pixels apart, is no soft argmax of these maps."""
    scores = scores_of(PEAKS, 4, 6)
    wobble = noise * torch.tensor([[[1.0, -1], [-1, 1], [1, 1], [-1, -1], [1, -1], [-1, 1]]])
    keypoints = (variants.softargmax(scores) + 0.5) * 8 - 0.5 + wobble
    assert mistake_of(keypoints, scores) == ("other_maps" if noise else None)


def test_a_start_that_is_poor_is_no_mistake():
    """A network whose scores are so large that each softmax starts at a single pixel learns all the same."""

    class LoudestStart(variants.REFERENCE):
        def __init__(self, backbone, num_keypoints, image_size):
            super().__init__(backbone, num_keypoints, image_size)
            nn.init.normal_(self.head.weight, std=3.0)

    assert hidden_marks(POSE, LoudestStart) == (6, [])


# Maps of another size.


@pytest.mark.parametrize(
    ("size", "mistake"),
    [
        ((12, 20), "finer_maps"), ((4, 8), "missing_padding"), ((2, 6), "missing_padding"),
        ((10, 6), "maps_transposed"), ((3, 5), "map_size"), ((117, 196), "finer_maps"), ((7, 23_000), "finer_maps"),
    ],
)  # fmt: skip
def test_maps_of_another_size_are_refused_before_anything_is_computed(size, mistake):
    """What ties keypoints to 64 MB of scores took many minutes to find out."""
    pair = [torch.zeros(6, 14, 2), torch.rand(6, 14, *size)]
    replies = {"build": {"module": True, "lazy": False}, "predict": pair, "stir": {}, "sharpen": {}}
    with pytest.raises(Wrong, match="maps of 6 x 10, as the backbone's are") as caught:
        SOFTARGMAX_POSE.cases["consistent"](lambda step, **_: replies[step], case_rng(0, POSE, "consistent"), None)
    assert caught.value.mistake == mistake


def test_a_few_images_of_large_maps_tell_enough():
    scores = torch.randn(6, 14, 48, 80, generator=torch.Generator().manual_seed(0))
    keypoints, beyond = (variants.softargmax(scores) + 0.5) * 8 - 0.5, scores.clone()
    beyond[2:] = float("nan")
    size = (384, 640)
    assert mistake_of(keypoints, beyond, size) is None
    assert mistake_of(keypoints[..., [1, 0]], beyond, size) == "x_y_swapped"
    assert mistake_of(keypoints[:, :3], beyond[:, :3].nan_to_num(), size) == "other_maps", "as 3 are few"


# What costs what.


def test_maps_that_are_finer_cost_their_own_cases_only():
    """They learn, train their backbone and treat each image alone."""
    points, named = hidden_marks(POSE, KNOWN_WRONG[POSE]["finer_maps.with_their_stride"])
    assert points == 3 and set(named) == {"finer_maps"}


@pytest.mark.parametrize("part", [0, 1])
def test_a_dtype_alone_costs_a_point(part):
    class Double(variants.REFERENCE):
        def forward(self, images):
            pair = list(super().forward(images))
            pair[part] = pair[part].double()
            return pair

    assert hidden_marks(POSE, Double) == (5, ["dtype"])
