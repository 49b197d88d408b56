import pytest
import torch

from helpers.shapes import require


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
