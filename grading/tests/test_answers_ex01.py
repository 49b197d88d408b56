"""What is special to exercise 1's functions: numbers by hand."""

import pytest
import torch
from answer_bank import KNOWN_WRONG, REFERENCES

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
