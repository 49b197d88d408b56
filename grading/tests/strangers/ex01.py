"""Strangers to exercise 1."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F

from grading.right_variants import styles

__all__ = ["STRANGERS"]


# mpjpe


def mpjpe_l1_distance__loop(pred, target, visible):
    total, count = pred.new_zeros(()), 0
    for b in range(pred.shape[0]):
        for k in range(pred.shape[1]):
            if visible[b, k]:
                dx, dy = pred[b, k] - target[b, k]
                total = total + abs(dx) + abs(dy)
                count += 1
    return total / count if count else torch.tensor(math.nan)


def mpjpe_mean_per_image__those_with_any(pred, target, visible):
    errors = []
    for p, t, v in zip(pred, target, visible, strict=True):
        if v.sum() > 0:
            errors.append(torch.norm(p[v] - t[v], dim=1).mean())
    return torch.stack(errors).mean() if errors else torch.tensor(math.nan)


def mpjpe_divides_by_all_joints__masked_zeros(pred, target, visible):
    difference = (pred - target).nan_to_num() * visible.unsqueeze(-1)
    return torch.sqrt((difference**2).sum(dim=2)).mean() if visible.any() else torch.tensor(math.nan)


def mpjpe_nan_by_multiplication__weighted(pred, target, visible):
    weight = visible.unsqueeze(-1).to(pred.dtype)
    return ((pred - target) * weight).norm(dim=-1).sum() / weight.sum()


def mpjpe_root_mean_square_or_mean_over_x_and_y__mse_then_root(pred, target, visible):
    return torch.sqrt(F.mse_loss(pred[visible], target[visible]))


def mpjpe_zero_for_none__guarded(pred, target, visible):
    if visible.sum() == 0:
        return torch.tensor(0.0, dtype=pred.dtype)
    return torch.cdist(pred[visible][:, None], target[visible][:, None]).mean()


def mpjpe_zero_is_missing__leeds(pred, target, visible):
    there = visible & (target != 0).all(dim=-1)
    return torch.norm(pred[there] - target[there], dim=-1).mean()


def mpjpe_mask_inverted__nanmean(pred, target, visible):
    error = torch.norm(pred - target, dim=-1)
    return error.masked_fill(visible, math.nan).nanmean()


def mpjpe_unnamed__median(pred, target, visible):
    return torch.norm(pred - target, dim=-1)[visible].median() if visible.any() else torch.tensor(math.nan)


def mpjpe_x_y_swapped__columns_as_rows(pred, target, visible):
    p, t = pred[visible], target[visible]
    return torch.hypot(p[:, 0] - t[:, 1], p[:, 1] - t[:, 0]).mean()


def mpjpe_one_image_only__overwritten(pred, target, visible):
    """Forgets to keep what the loop finds: the last image is left."""
    for p, t, v in zip(pred, target, visible, strict=True):
        error = torch.norm(p[v] - t[v], dim=1).mean()
    return error


def mpjpe_drops_image_with_invisible__whole_poses(pred, target, visible):
    whole = [b for b in range(len(pred)) if visible[b].all()]
    return torch.norm(pred[whole] - target[whole], dim=-1).mean()


def mpjpe_sum_of_errors_or_divides_by_the_batch__over_the_batch(pred, target, visible):
    return torch.norm(pred[visible] - target[visible], dim=-1).sum() / len(pred)


# pck


def _distance(pred, target):
    return ((pred - target) ** 2).sum(dim=-1) ** 0.5


def _column(threshold):
    return threshold.reshape(-1, 1) if torch.is_tensor(threshold) and threshold.dim() else threshold


def pck_mean_per_keypoint_or_strictly_below__hrnet(pred, target, visible, threshold):
    distance = torch.where(visible, _distance(pred, target) / _column(threshold), -1.0)
    accuracies = []
    for of_joint in distance.T:
        counted = of_joint[of_joint >= 0]
        if len(counted) > 0:
            accuracies.append((counted < 1.0).to(pred.dtype).mean())
    return torch.stack(accuracies).mean() if accuracies else torch.tensor(math.nan)


def pck_x_and_y_each__both_near(pred, target, visible, threshold):
    t = threshold[:, None, None] if torch.is_tensor(threshold) and threshold.dim() else threshold
    near = (torch.abs(pred - target) <= t).all(dim=-1)
    return near[visible].to(pred.dtype).mean()


def pck_percent__rounded(pred, target, visible, threshold):
    near = (_distance(pred, target) <= _column(threshold))[visible]
    return round(100 * near.double().mean().item(), 2)


def pck_counts_the_wrong__complement(pred, target, visible, threshold):
    near = (_distance(pred, target) <= _column(threshold))[visible]
    return 1 - near.to(pred.dtype).mean()


def pck_mean_per_image__those_with_any(pred, target, visible, threshold):
    near = _distance(pred, target) <= _column(threshold)
    shares = [n[v].to(pred.dtype).mean() for n, v in zip(near, visible, strict=True) if v.any()]
    return sum(shares) / len(shares) if shares else math.nan


def pck_threshold_along_joints__row(pred, target, visible, threshold):
    t = torch.as_tensor(threshold, dtype=pred.dtype).view(1, -1)
    return (_distance(pred, target) <= t)[visible].to(pred.dtype).mean()


def pck_one_threshold_for_all__largest(pred, target, visible, threshold):
    t = torch.as_tensor(threshold).max()
    return (_distance(pred, target) <= t)[visible].to(pred.dtype).mean()


def pck_hidden_counted_as_right_or_divides_by_all_joints__zeroed(pred, target, visible, threshold):
    distance = _distance(pred, target).nan_to_num() * visible
    return (distance <= _column(threshold)).to(pred.dtype).mean()


def pck_strictly_below__float_comparison(pred, target, visible, threshold):
    score = torch.lt(_distance(pred, target), _column(threshold)).double()
    return (score * visible).sum() / visible.sum()


def pck_counts_instead_of_share_or_divides_by_the_batch__per_image(pred, target, visible, threshold):
    return ((_distance(pred, target) <= _column(threshold)) & visible).sum() / len(pred)


# masked_l2_loss


def loss_mean_over_x_and_y__mse_of_selected(pred, target, visible):
    if not visible.any():
        return 0 * pred.nan_to_num().sum()
    return F.mse_loss(pred[visible], target[visible])


def loss_mean_over_x_and_y__factor_a_half(pred, target, visible):
    return 0.5 * ((pred[visible] - target[visible]) ** 2).sum() / max(int(visible.sum()), 1)


def loss_nan_gradient__nan_to_num(pred, target, visible):
    squared = ((pred - target) ** 2).sum(dim=-1)
    return (torch.nan_to_num(squared) * visible).sum() / visible.sum().clamp(min=1)


def loss_nan_for_none__divided(pred, target, visible):
    squared = ((pred[visible] - target[visible]) ** 2).sum(dim=-1)
    return squared.sum() / visible.sum()


def loss_loose_zero_for_none__python_number(pred, target, visible):
    if visible.sum() == 0:
        return 0.0
    return ((pred[visible] - target[visible]) ** 2).sum(dim=-1).mean()


def loss_smooth_l1__huber(pred, target, visible):
    return F.smooth_l1_loss(pred[visible], target[visible], reduction="sum") / visible.sum().clamp(min=1)


def loss_not_attached__items(pred, target, visible):
    total, count = 0.0, 0
    for b, k in visible.nonzero().tolist():
        dx, dy = (pred[b, k] - target[b, k]).tolist()
        total += dx * dx + dy * dy
        count += 1
    return torch.tensor(total / max(count, 1), dtype=pred.dtype)


def loss_l1_distance__of_torch(pred, target, visible):
    return F.l1_loss(pred[visible], target[visible], reduction="sum") / visible.sum().clamp(min=1)


def loss_needs_numpy__norm(pred, target, visible):
    keep = visible.numpy()
    error = np.linalg.norm(pred.numpy()[keep] - target.numpy()[keep], axis=-1)
    return torch.as_tensor((error**2).sum() / max(len(error), 1))


def loss_sum_over_keypoints__of_each_image(pred, target, visible):
    losses = [((p[v] - t[v]) ** 2).sum() for p, t, v in zip(pred, target, visible, strict=True)]
    return torch.stack(losses).mean()


STRANGERS = {
    "mpjpe": styles("mpjpe_", globals()),
    "pck": styles("pck_", globals()),
    "masked_l2_loss": styles("loss_", globals()),
}
