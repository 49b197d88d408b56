"""What is special to exercise 1's answers: numbers by hand, inputs that tell mistakes apart, what a dtype costs."""

import pytest
import torch
from answer_bank import KNOWN_WRONG, POINTS, REFERENCES, RIGHT, drawn, hidden_marks

pytestmark = pytest.mark.usefixtures("one_thread")

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


@pytest.mark.parametrize("mistake", ["threshold_along_joints", "one_threshold_for_all.mean"])
def test_a_square_batch_tells_thresholds_of_images_from_those_of_keypoints(mistake):
    """B = K, so that a wrong broadcast raises nothing: the shares must never agree."""
    wrong, right = KNOWN_WRONG["pck"][mistake], REFERENCES["pck"]
    for seed in range(200):
        (batch,) = (b for b in drawn("pck", "per_image_threshold", seed) if b["visible"].shape == (8, 8))
        assert wrong(**batch) != right(**batch)


def test_a_float64_share_of_float64_poses_is_no_less_precise():
    poses = {"pred": TARGET + ERRORS, "target": TARGET, "visible": VISIBLE, "threshold": 8.0}
    assert REFERENCES["pck"](**poses).dtype == torch.float32
    double = {name: value.double() if name in ("pred", "target") else value for name, value in poses.items()}
    assert REFERENCES["pck"](**double).dtype == torch.float64
    assert REFERENCES["pck"](**double) == 0.5  # 8 and 5 of 5, 8, 10 and 13


@pytest.mark.parametrize("question", ["mpjpe", "pck", "masked_l2_loss"])
def test_a_dtype_alone_costs_a_point(question):
    assert hidden_marks(question, KNOWN_WRONG[question]["float32_only"]) == (POINTS[question] - 1, ["float32_only"])


def test_double_precision_alone_costs_a_regressor_a_point():
    class Double(RIGHT["PoseRegressor"]["LinearSigmoid"]):
        def forward(self, images):
            return super().forward(images).double()

    assert hidden_marks("PoseRegressor", Double) == (5, ["dtype"])


@pytest.mark.parametrize(
    ("question", "value"), [("mpjpe", 0.0), ("mpjpe", 1.0), ("masked_l2_loss", 1.0), ("masked_l2_loss", float("nan"))]
)
def test_a_constant_names_no_mistake(question, value):
    """But for those that give it themselves: a mask that selects nothing leaves NaN, or a loss of 0."""
    assert set(hidden_marks(question, lambda pred, *_: 0 * pred.nan_to_num().sum() + value)[1]) == {None}


@pytest.mark.parametrize("where", ["pred", "target"])
def test_what_is_not_visible_leaves_no_trace_in_the_gradient(where):
    """Zero times NaN is NaN: whoever takes out NaN after the square gets it back with the gradient."""
    given = {"pred": TARGET + ERRORS, "target": TARGET.clone()}
    given[where] = torch.where(VISIBLE[..., None], given[where], torch.nan)
    pred = given["pred"].requires_grad_()
    REFERENCES["masked_l2_loss"](pred, given["target"], VISIBLE).backward()
    assert torch.allclose(pred.grad, torch.where(VISIBLE[..., None], 2 * ERRORS / 4, 0))
