import math

import pytest
import torch
import torch.nn.functional as F

import helpers
from helpers.models.scoremaps import (
    StackedHourglass,
    focal_cross_entropy,
    map_cross_entropy,
    map_divergence,
    to_image,
    to_map,
)


def test_the_first_pixel_of_a_map_of_stride_8_covers_image_pixels_0_to_7():
    assert to_image(torch.tensor([0.0, 1.0]), 8).tolist() == [3.5, 11.5]
    assert to_map(torch.tensor([3.5, 11.5]), 8).tolist() == [0.0, 1.0]


def test_to_image_leads_back():
    points = 100 * torch.rand(5, 17, 2)
    assert torch.allclose(to_image(to_map(points, 4), 4), points, atol=1e-4)


def test_cross_entropy_by_hand():
    """Scores 0 and ln 3 are probabilities 1/4 and 3/4; the target asks for the second pixel."""
    scores = torch.tensor([0.0, math.log(3)]).view(1, 1, 1, 2)
    target = torch.tensor([0.0, 0.5]).view(1, 1, 1, 2)
    assert map_cross_entropy(scores, target).item() == pytest.approx(-math.log(0.75))


def test_cross_entropy_agrees_with_torch():
    scores, target = torch.randn(3, 4, 5, 6), torch.rand(3, 4, 5, 6)
    shares = target.flatten(2) / target.flatten(2).sum(-1, keepdim=True)
    theirs = F.cross_entropy(scores.flatten(2).flatten(0, 1), shares.flatten(0, 1))
    assert map_cross_entropy(scores, target).item() == pytest.approx(theirs.item(), rel=1e-5)


def test_divergence_is_zero_for_equal_maps_and_ln_2_for_maps_without_a_common_pixel():
    target = torch.rand(2, 3, 4, 5) + 0.1
    assert map_divergence(target.log(), target).item() == pytest.approx(0, abs=1e-6)
    apart = torch.tensor([0.0, 1.0]).view(1, 1, 1, 2)
    assert map_divergence(torch.tensor([60.0, 0.0]).view(1, 1, 1, 2), apart).item() == pytest.approx(math.log(2))


@pytest.mark.parametrize("loss", [map_cross_entropy, map_divergence])
def test_a_map_without_a_target_does_not_count(loss):
    scores = torch.randn(2, 3, 4, 5, requires_grad=True)
    target = torch.rand(2, 3, 4, 5)
    target[0, 1] = 0
    rest = torch.tensor([0, 2, 3, 4, 5])
    alone = loss(scores.flatten(0, 1)[rest][:, None], target.flatten(0, 1)[rest][:, None])
    together = loss(scores, target)
    assert together.item() == pytest.approx(alone.item(), rel=1e-5)
    (gradient,) = torch.autograd.grad(together, scores)
    assert not gradient[0, 1].any() and gradient.isfinite().all()
    nothing = loss(scores, torch.zeros(2, 3, 4, 5))
    nothing.backward()
    assert nothing.item() == 0 and not scores.grad.any()


@pytest.mark.parametrize("loss", [map_cross_entropy, map_divergence])
def test_losses_refuse_maps_of_different_sizes(loss):
    with pytest.raises(ValueError, match=r"target has shape \(1, 2, 5, 4\); expected \(B=1, K=2, H=4, W=5\)"):
        loss(torch.zeros(1, 2, 4, 5), torch.zeros(1, 2, 5, 4))


def test_every_hourglass_draws_maps_and_all_parameters_are_trained():
    model = StackedHourglass(5, stacks=2, channels=8, depth=2)
    maps = model(torch.rand(2, 3, 32, 48))
    assert [m.shape for m in maps] == [(2, 5, 8, 12)] * 2
    sum(m.square().sum() for m in maps).backward()
    assert all(p.grad is not None for p in model.parameters())


def test_the_first_hourglass_learns_from_its_own_loss_only_where_it_is_taken():
    model = StackedHourglass(5, stacks=2, channels=8, depth=1)
    model(torch.rand(2, 3, 16, 16))[-1].sum().backward()
    assert model.heads[0].weight.grad is not None  # its maps feed the second one
    model.zero_grad()
    model(torch.rand(2, 3, 16, 16))[0].sum().backward()
    assert model.heads[1].weight.grad is None


def test_hourglass_refuses_sizes_that_cannot_be_halved():
    with pytest.raises(ValueError, match="divisible by 32"):
        StackedHourglass(5)(torch.rand(1, 3, 100, 128))
    with pytest.raises(ValueError, match="num_keypoints is 0"):
        StackedHourglass(0)


def test_mean_error_by_hand():
    """Errors 5 and 10 of two visible keypoints, and one of 50 that does not count: 7.5."""
    target = torch.tensor([[[20.0, 5], [7, 31], [50, 9]]])
    pred = target + torch.tensor([[[3.0, 4], [10, 0], [30, 40]]])
    assert helpers.mean_error(pred, target, torch.tensor([[True, True, False]])) == pytest.approx(7.5, abs=0.05)
    assert math.isnan(helpers.mean_error(pred, target, torch.zeros(1, 3, dtype=torch.bool)))
    with pytest.raises(ValueError, match="target has shape"):
        helpers.mean_error(pred, target[:, :2], torch.ones(1, 3, dtype=torch.bool))


def test_the_focal_cross_entropy_by_hand():
    """A score of 0 is a probability of 1/2: ln 2 / 4 for an empty pixel and a full one, 0 for a half."""
    found = focal_cross_entropy(torch.zeros(3), torch.tensor([0.0, 1.0, 0.5]))
    assert found.tolist() == pytest.approx([math.log(2) / 4, math.log(2) / 4, 0])
