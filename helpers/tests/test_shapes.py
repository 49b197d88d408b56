import pytest
import torch

from helpers.shapes import (
    refuse_nan,
    require,
    require_labels,
    require_maps,
    require_positive,
    require_pyramid,
    require_same,
)


def test_letters_are_bound_to_sizes():
    assert require("images", torch.zeros(2, 3, 5, 7), "N 3 H W") == {"N": 2, "H": 5, "W": 7}


@pytest.mark.parametrize(
    ("shape", "wanted", "message"),
    [
        pytest.param((3, 5, 7), "N 3 H W", r"\(3, 5, 7\); expected \(N, 3, H, W\). Add a batch axis", id="no-batch"),
        pytest.param((2, 4, 5, 7), "N 3 H W", r"expected \(N, 3, H, W\)\.$", id="channels"),
        pytest.param((2, 3), "N N", r"expected \(N, N\)", id="letter-twice"),
    ],
)
def test_another_shape_is_refused(shape, wanted, message):
    with pytest.raises(ValueError, match=message):
        require("images", torch.zeros(shape), wanted)


def test_known_sizes_must_match_and_are_shown():
    with pytest.raises(ValueError, match=r"expected \(N=4, K\)"):
        require("visible", torch.zeros(3, 17), "N K", known={"N": 4})


def test_other_types_are_refused():
    with pytest.raises(TypeError, match="images is a list; expected a tensor"):
        require("images", [1], "N")
    with pytest.raises(TypeError, match="dtype float32; expected uint8"):
        require("images", torch.zeros(1), "N", torch.uint8)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_maps_give_their_sizes(dtype):
    assert require_maps("scoremaps", torch.zeros(2, 3, 5, 7, dtype=dtype)) == {"B": 2, "K": 3, "H": 5, "W": 7}


@pytest.mark.parametrize(
    ("maps", "error", "message"),
    [
        pytest.param([[0.0]], TypeError, "scoremaps is a list; expected a tensor", id="list"),
        pytest.param(torch.zeros(1, 1, 2, 2).long(), TypeError, "int64; expected float32 or float64", id="integer"),
        pytest.param(torch.zeros(1, 1, 2, 2).half(), TypeError, "float16; expected float32 or float64", id="half"),
        pytest.param(torch.zeros(1, 1, 2, 2).bfloat16(), TypeError, "bfloat16; expected float32", id="bfloat16"),
        pytest.param(torch.zeros(1, 2, 2), ValueError, r"expected \(B, K, H, W\). Add a batch axis", id="no-batch"),
        pytest.param(torch.zeros(1, 1, 1, 2, 2), ValueError, r"expected \(B, K, H, W\)\.$", id="five-axes"),
        pytest.param(torch.zeros(0, 1, 2, 2), ValueError, r"\(0, 1, 2, 2\), so there is nothing in it", id="no-image"),
        pytest.param(torch.zeros(1, 0, 2, 2), ValueError, "at least one image, one keypoint", id="no-keypoint"),
        pytest.param(torch.zeros(1, 1, 2, 0), ValueError, "and one pixel", id="no-pixel"),
    ],
)
def test_maps_that_say_nothing_of_places_are_refused(maps, error, message):
    with pytest.raises(error, match=message):
        require_maps("scoremaps", maps)


@pytest.mark.parametrize("value", [1, 0.5, 1e-30, torch.tensor(2.0)])
def test_numbers_above_zero_pass(value):
    require_positive("beta", value)


@pytest.mark.parametrize("value", [0, -1.5, float("nan"), float("inf"), torch.tensor(0.0)])
def test_numbers_not_above_zero_are_refused(value):
    with pytest.raises(ValueError, match=f"beta is {float(value):g}; expected a number above 0"):
        require_positive("beta", value)


def test_nan_in_any_result_is_refused():
    fine, bad = torch.tensor([1.0, float("inf")]), torch.tensor([0.0, float("nan")])
    refuse_nan("scoremaps", fine, fine)
    with pytest.raises(ValueError, match="scoremaps holds NaN: look for a division by zero"):
        refuse_nan("scoremaps", fine, bad)


def test_two_tensors_of_one_shape_and_dtype_pass():
    require_same("pred", torch.zeros(0, 2, dtype=torch.bool), "target", torch.ones(0, 2, dtype=torch.bool), torch.bool)


@pytest.mark.parametrize(
    ("pred", "error", "message"),
    [
        pytest.param([True], TypeError, "pred is a list; expected a tensor", id="list"),
        pytest.param(torch.zeros(3), TypeError, "pred has dtype float32; expected bool", id="float"),
        pytest.param(torch.zeros(4, dtype=torch.bool), ValueError, r"shape \(4,\) and target \(3,\)", id="shape"),
    ],
)
def test_tensors_that_differ_are_refused(pred, error, message):
    with pytest.raises(error, match=message):
        require_same("pred", pred, "target", torch.zeros(3, dtype=torch.bool), torch.bool)


@pytest.mark.parametrize(("labels", "found"), [([0, 3, 1], 3), ([2, -1], -1), ([255], 255)])
def test_labels_out_of_range_are_refused(labels, found):
    require_labels("target", torch.tensor([0, 2, 1]), 3)
    require_labels("target", torch.tensor([], dtype=torch.int64), 3)
    with pytest.raises(ValueError, match=f"target holds {found}; expected whole numbers from 0 to 2"):
        require_labels("target", torch.tensor(labels), 3)


@pytest.mark.parametrize(
    ("features", "error", "message"),
    [
        pytest.param(torch.zeros(1, 4, 8, 8), TypeError, "features is a Tensor; expected a list of 2", id="one-map"),
        pytest.param([torch.zeros(1, 4, 8, 8)], ValueError, "features holds 1 maps; expected 2, one for", id="too-few"),
        pytest.param(
            [torch.zeros(1, 6, 4, 4), torch.zeros(1, 4, 8, 8)], ValueError,
            r"features\[0\] has shape \(1, 6, 4, 4\); expected \(B, 4, h, w\)", id="deepest-first",
        ),
    ],
)  # fmt: skip
def test_what_is_no_pyramid_of_features_is_refused(features, error, message):
    require_pyramid("features", [torch.zeros(1, 4, 8, 8), torch.zeros(1, 6, 4, 4)], [4, 6])
    with pytest.raises(error, match=message):
        require_pyramid("features", features, [4, 6])
