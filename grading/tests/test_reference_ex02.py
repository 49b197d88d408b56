"""The reference answers of ex02: numbers by hand, kornia and dsntnn, numerical gradients, invariants, bad input."""

import math
import warnings

import pytest
import torch

from grading.course.course import Course
from grading.course.release import ROOT

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what they import is not ours to mend
    import dsntnn
    from kornia.filters import get_gaussian_kernel2d
    from kornia.geometry.subpix import spatial_soft_argmax2d

ANSWERS = Course(ROOT, "ex02_softargmax").reference_answers()
gaussian_scoremaps, scoremap_loss = ANSWERS["gaussian_scoremaps"], ANSWERS["scoremap_loss"]
argmax_decode = ANSWERS["argmax_decode"]
SOFT = [pytest.param(ANSWERS[name], id=name) for name in ("softargmax", "lean_softargmax")]
B, K, H, W = 2, 3, 5, 7
NAN = float("nan")

both = pytest.mark.parametrize("soft", SOFT)


def random_maps(*shape: int, scale: float = 3.0, dtype=torch.float64) -> torch.Tensor:
    return torch.randn(*(shape or (B, K, H, W)), generator=torch.Generator().manual_seed(0), dtype=dtype) * scale


def value_and_gradient(soft, maps):
    maps = maps.clone().requires_grad_()
    places = soft(maps)
    weights = torch.linspace(-1, 2, places.numel(), dtype=places.dtype).view_as(places)
    return places.detach(), torch.autograd.grad(places, maps, weights)[0]


def dsnt_pixels(maps):
    """dsntnn's places lie in (-1, 1) with pixel edges at the ends; in pixels: ((x + 1) * W - 1) / 2."""
    size = torch.tensor([maps.shape[3], maps.shape[2]], dtype=maps.dtype)
    return ((dsntnn.dsnt(dsntnn.flat_softmax(maps)) + 1) * size - 1) / 2


# softargmax and lean_softargmax.


@both
def test_softargmax_by_hand(soft):
    maps = torch.tensor([[[[0.0, math.log(3)]]]])
    torch.testing.assert_close(soft(maps), torch.tensor([[[0.75, 0.0]]]))
    torch.testing.assert_close(soft(maps, beta=2.0), torch.tensor([[[0.9, 0.0]]]))  # 1 : 9


@both
@pytest.mark.parametrize("scale", [0.1, 3.0, 50.0])
@pytest.mark.parametrize(
    "other",
    [
        pytest.param(lambda maps: spatial_soft_argmax2d(maps, normalized_coordinates=False), id="kornia"),
        pytest.param(dsnt_pixels, id="dsntnn"),
    ],
)
def test_softargmax_and_its_gradient_agree_with_others(soft, other, scale):
    maps = random_maps(scale=scale)
    for ours, theirs in zip(value_and_gradient(soft, maps), value_and_gradient(other, maps), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-6)  # kornia adds a small number to its sum


@both
@pytest.mark.parametrize("beta", [0.3, 1.0, 4.0])
def test_softargmax_has_the_numerical_gradient(soft, beta):
    assert torch.autograd.gradcheck(lambda maps: soft(maps, beta), random_maps(1, 2, 3, 4, scale=1).requires_grad_())


@both
def test_a_shifted_map_shifts_the_place(soft):
    maps = torch.full((1, 1, 12, 14), -1e4, dtype=torch.float64)
    maps[..., 2:5, 3:7] = random_maps(1, 1, 3, 4)
    shifted = maps.roll((4, 5), dims=(2, 3))
    torch.testing.assert_close(soft(shifted) - soft(maps), torch.tensor([[[5.0, 4.0]]], dtype=torch.float64))


@both
def test_a_constant_changes_nothing(soft):
    maps = random_maps()
    torch.testing.assert_close(soft(maps + 1000), soft(maps))


@both
def test_a_flipped_map_flips_x_alone(soft):
    x, y = soft(random_maps()).unbind(-1)
    torch.testing.assert_close(soft(random_maps().flip(3)), torch.stack([W - 1 - x, y], dim=-1))


@both
def test_a_large_beta_is_argmax_and_a_small_one_the_middle(soft):
    maps = random_maps()
    torch.testing.assert_close(soft(maps, beta=1e5), argmax_decode(maps))
    middle = torch.tensor([(W - 1) / 2, (H - 1) / 2], dtype=torch.float64).expand(B, K, 2)
    torch.testing.assert_close(soft(maps, beta=1e-9), middle)


@both
def test_large_scores_stay_finite(soft):
    maps = random_maps(dtype=torch.float32).sign() * 1e4
    assert all(result.isfinite().all() for result in value_and_gradient(soft, maps))


# gaussian_scoremaps.


def test_gaussian_by_hand():
    maps = gaussian_scoremaps(torch.tensor([[[2.0, 1.0]]]), torch.ones(1, 1, dtype=torch.bool), (3, 4), 1.0)
    assert maps.shape == (1, 1, 3, 4) and maps[0, 0, 1, 2] == 1
    neighbours = maps[0, 0, [0, 2, 1, 1], [2, 2, 1, 3]]
    torch.testing.assert_close(neighbours, torch.full((4,), math.exp(-0.5)))


@pytest.mark.parametrize("sigma", [0.7, 1.5, 3.0])
def test_gaussian_is_kornias_kernel_up_to_its_peak(sigma):
    kernel = get_gaussian_kernel2d((H, W), (sigma, sigma), dtype=torch.float64)[0]
    middle = torch.tensor([[[(W - 1) / 2, (H - 1) / 2]]], dtype=torch.float64)
    maps = gaussian_scoremaps(middle, torch.ones(1, 1, dtype=torch.bool), (H, W), sigma)
    torch.testing.assert_close(maps[0, 0], kernel / kernel.max())


def test_gaussian_between_pixels_is_dsntnns_up_to_its_sum():
    keypoints = torch.tensor([[[2.3, 1.6], [4.5, 3.0]]], dtype=torch.float64)
    ours = gaussian_scoremaps(keypoints, torch.ones(1, 2, dtype=torch.bool), (H, W), 1.2)
    size = torch.tensor([W, H], dtype=torch.float64)
    theirs = dsntnn.make_gauss((2 * keypoints + 1) / size - 1, (H, W), 1.2)
    torch.testing.assert_close(ours / ours.sum(dim=(2, 3), keepdim=True), theirs, rtol=1e-5, atol=1e-6)


def test_gaussian_of_an_invisible_keypoint_is_zero():
    keypoints = torch.tensor([[[NAN, NAN], [float("inf"), 0.0], [1.0, 1.0], [-2.0, 1.0]]])
    maps = gaussian_scoremaps(keypoints, torch.tensor([[False, False, False, True]]), (3, 4), 1.0)
    assert not maps[0, :3].any()
    torch.testing.assert_close(maps[0, 3, 1, 0], torch.tensor(math.exp(-2)))  # outside the map: the same formula


# scoremap_loss and argmax_decode.


def test_loss_by_hand():
    pred = torch.tensor([[[[1.0, 2.0]]], [[[0.0, 3.0]]]], requires_grad=True)
    loss = scoremap_loss(pred, torch.zeros(2, 1, 1, 2))
    assert loss.item() == 7
    assert torch.equal(torch.autograd.grad(loss, pred)[0], pred.detach())  # 2 / B times the difference, and B is 2


def test_argmax_finds_the_pixel_among_negative_scores():
    maps = torch.full((1, 1, 3, 4), -5.0)
    maps[0, 0, 1, 2] = -1
    assert argmax_decode(maps).tolist() == [[[2.0, 1.0]]]


# Bad input.

DECODERS = [*SOFT, pytest.param(argmax_decode, id="argmax_decode")]
BAD_MAPS = [
    pytest.param(torch.zeros(K, H, W), ValueError, r"\(3, 5, 7\); expected \(B, K, H, W\)", id="rank"),
    pytest.param(torch.zeros(B, K, H, W).long(), TypeError, "int64; expected float32 or float64", id="integer"),
    pytest.param(torch.zeros(B, K, H, W).half(), TypeError, "float16; expected float32 or float64", id="half"),
    pytest.param(torch.zeros(B, K, 0, W), ValueError, "nothing in it; expected at least one", id="no-pixel"),
    pytest.param(torch.zeros(0, K, H, W), ValueError, "nothing in it; expected at least one", id="no-image"),
    pytest.param(torch.zeros(B, K, H, W).index_fill(1, torch.tensor(1), NAN), ValueError, "holds NaN", id="nan"),
]


@pytest.mark.parametrize("decode", DECODERS)
@pytest.mark.parametrize(("maps", "error", "message"), BAD_MAPS)
def test_bad_maps_are_refused(decode, maps, error, message):
    with pytest.raises(error, match=f"scoremaps .*{message}"):
        decode(maps)


@both
@pytest.mark.parametrize("beta", [0.0, -1.0, NAN])
def test_beta_must_be_above_zero(soft, beta):
    with pytest.raises(ValueError, match="beta is .*; expected a number above 0"):
        soft(random_maps(), beta)


@pytest.mark.parametrize("sigma", [0.0, -1.0, NAN])
def test_sigma_must_be_above_zero(sigma):
    with pytest.raises(ValueError, match="sigma is .*; expected a number above 0"):
        gaussian_scoremaps(torch.zeros(1, 1, 2), torch.ones(1, 1, dtype=torch.bool), (3, 4), sigma)


def test_loss_refuses_a_target_of_another_shape():
    with pytest.raises(ValueError, match=r"target has shape \(2, 1, 5, 7\); expected \(B=2, K=3, H=5, W=7\)"):
        scoremap_loss(random_maps(), random_maps(B, 1, H, W))


@pytest.mark.parametrize(("keypoints", "size", "error", "message"), [
    pytest.param(torch.zeros(1, 2), (3, 4), ValueError, r"keypoints has shape \(1, 2\)", id="rank"),
    pytest.param(torch.zeros(1, 1, 2).long(), (3, 4), TypeError, "keypoints has dtype int64", id="integer"),
    pytest.param(torch.zeros(1, 1, 2).half(), (3, 4), TypeError, "keypoints has dtype float16", id="half"),
    pytest.param(torch.zeros(1, 1, 2), (0, 4), ValueError, "nothing in it", id="no-pixel"),
    pytest.param(torch.zeros(0, 1, 2), (3, 4), ValueError, "nothing in it", id="no-image"),
    pytest.param(torch.zeros(1, 3, 2), (3, 4), ValueError, "visible has shape", id="visible"),
])  # fmt: skip
def test_bad_keypoints_are_refused(keypoints, size, error, message):
    with pytest.raises(error, match=message):
        gaussian_scoremaps(keypoints, torch.ones(len(keypoints), 1, dtype=torch.bool), size, 1.0)
