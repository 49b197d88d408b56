import pytest
import torch

from helpers.models.encoders import pad_or_crop


@pytest.mark.parametrize(
    ("before", "size", "after"),
    [
        pytest.param([1.0, 2, 3], 2, [2, 3], id="one-too-many"),
        pytest.param([1.0, 2, 3, 4], 2, [2, 3], id="two-too-many"),
        pytest.param([1.0, 2], 3, [1, 2, 0], id="one-missing"),
        pytest.param([1.0, 2], 4, [0, 1, 2, 0], id="two-missing"),
        pytest.param([1.0, 2], 2, [1, 2], id="fits"),
    ],
)
def test_rows_and_columns_are_fitted_about_the_centre(before, size, after):
    row = torch.tensor(before).view(1, 1, 1, -1)
    assert pad_or_crop(row, (1, size)).flatten().tolist() == after
    assert pad_or_crop(row.transpose(2, 3), (size, 1)).flatten().tolist() == after


def test_gradients_flow_and_both_axes_are_their_own():
    maps = torch.randn(2, 3, 5, 8, requires_grad=True)
    fitted = pad_or_crop(maps, (6, 7))
    assert fitted.shape == (2, 3, 6, 7)
    fitted.sum().backward()
    assert maps.grad[..., 0].eq(0).all() and maps.grad[..., 1:].eq(1).all()


def test_what_is_no_size_or_no_map_is_refused():
    with pytest.raises(ValueError, match=r"size is \(0, 4\); expected \(H, W\)"):
        pad_or_crop(torch.zeros(1, 1, 2, 2), (0, 4))
    with pytest.raises(ValueError, match=r"maps has shape \(2, 2\); expected \(B, C, H, W\)"):
        pad_or_crop(torch.zeros(2, 2), (4, 4))
