import pytest
import torch

from helpers.shapes import refuse_nan, require, require_maps, require_positive


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
