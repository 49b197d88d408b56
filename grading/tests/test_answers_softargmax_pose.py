"""What is special to `SoftargmaxPose`: what ties keypoints to scores, and maps of many pixels."""

import pytest
import torch
from answer_bank import hidden_marks
from torch import nn

from grading.right_variants import ex02_softargmax_models as variants
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


@pytest.mark.parametrize("beta", [0.2, 1.0, 7.0])
def test_the_places_of_any_inverse_temperature_are_explained(beta):
    scores = scores_of(PEAKS, 4, 6)
    keypoints = (variants.softargmax(scores, beta) + 0.5) * 8 - 0.5
    assert explain(keypoints, scores, (32, 48), 8) is None


@pytest.mark.parametrize(
    ("shift", "mistake"), [(0.0, None), (7.9, None), (-7.9, None), (8.1, "offset"), (-8.1, "offset")]
)
def test_the_mapping_may_be_off_by_a_stride_and_no_more(shift, mistake):
    scores = scores_of(PEAKS, 4, 6)
    assert explain((variants.softargmax(scores) + 0.5) * 8 - 0.5 + shift, scores, (32, 48), 8) == mistake


@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_keypoints_that_do_not_follow_from_the_scores_are_noticed(noise):
    """Half a pixel of noise, where peaks are 8 pixels apart, is no soft argmax of these maps."""
    scores = scores_of(PEAKS, 4, 6)
    wobble = noise * torch.tensor([[[1.0, -1], [-1, 1], [1, 1], [-1, -1], [1, -1], [-1, 1]]])
    keypoints = (variants.softargmax(scores) + 0.5) * 8 - 0.5 + wobble
    assert explain(keypoints, scores, (32, 48), 8) == ("other_maps" if noise else None)


def test_a_start_that_is_poor_is_no_mistake():
    """A network whose scores are so large that each softmax starts at a single pixel learns all the same."""

    class LoudestStart(variants.REFERENCE):
        def __init__(self, backbone, num_keypoints, image_size):
            super().__init__(backbone, num_keypoints, image_size)
            nn.init.normal_(self.head.weight, std=3.0)

    assert hidden_marks(POSE, LoudestStart) == (6, [])


# Maps of many pixels.


@pytest.mark.parametrize("size", [(117, 196), (7, 23_000)])
def test_maps_much_finer_than_the_image_are_refused(size):
    """What ties keypoints to 64 MB of scores took many minutes to find out."""
    pair = [torch.zeros(6, 14, 2), torch.rand(6, 14, 7 * size[0] // 6, size[1])]
    replies = {"build": {"module": True, "lazy": False}, "predict": pair, "stir": {}, "sharpen": {}}
    with pytest.raises(Wrong, match="at most 6 pixels for each of 48 x 80") as caught:
        SOFTARGMAX_POSE.cases["consistent"](lambda step, **_: replies[step], case_rng(0, POSE, "consistent"), None)
    assert caught.value.mistake == "too_many"


def test_a_few_images_of_large_maps_tell_enough():
    scores = torch.randn(6, 14, 48, 80, generator=torch.Generator().manual_seed(0))
    keypoints, beyond = variants.softargmax(scores), scores.clone()
    beyond[2:] = float("nan")
    assert explain(keypoints, beyond, (48, 80), 8) is None
    assert explain(keypoints[..., [1, 0]], beyond, (48, 80), 8) == "x_y_swapped"
    assert explain(keypoints[:, :3], beyond[:, :3].nan_to_num(), (48, 80), 8) == "other_maps", "as 3 are few"
