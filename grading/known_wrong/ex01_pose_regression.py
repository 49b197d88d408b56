"""Known wrong answers to exercise 1: ordinary code of ordinary mistakes, by the name that checks and feedback use.

Where several mistakes explain an answer, the first in order is named. Several wrong versions may make one mistake: its
name is what stands before the dot.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: F401, for the tables

from grading.known_wrong import ex01_regressors
from grading.known_wrong.table import answers

__all__ = ["KNOWN_WRONG"]


# mpjpe


def _each_mean(error, visible):
    """Return the mean error of every row of (R, N) over what is visible in it, NaN where nothing is."""
    return torch.stack([e[v].mean() for e, v in zip(error, visible, strict=True)])


def mpjpe_fails_for_none(pred, target, visible):
    errors = [float(e) for e, v in zip((pred - target).norm(dim=-1).flatten(), visible.flatten(), strict=True) if v]
    return sum(errors) / len(errors)


def mpjpe_reads_a_global(pred, target, visible):
    return torch.linalg.vector_norm(pred - target, dim=-1)[vis].mean()  # noqa: F821, the mistake


def mpjpe_changes_its_arguments(pred, target, visible):
    pred[~visible] = 0
    target[~visible] = 0
    return torch.linalg.vector_norm(pred - target, dim=-1).sum() / visible.sum()


MPJPE_GIVEN = {
    "difference": "pred - target",
    "error": "torch.linalg.vector_norm(pred - target, dim=-1)",
    "seen": "torch.where(visible[..., None], pred - target, torch.zeros_like(pred))",
}

# Of all three functions: what stands for a keypoint that is missing, and a mask of another shape.
ZERO_IS_MISSING = {
    "zero_is_missing": "visible & (target != 0).all(-1)",
    "zero_is_missing.both": "visible & (target != 0).any(-1)",
    "zero_is_missing.sum": "visible & (target.sum(-1) > 0)",
    "zero_is_missing.above_one": "visible & (target > 1).all(-1)",
    "zero_is_missing.x_above_one": "visible & (target[..., 0] > 1)",
    "zero_is_missing.positive": "visible & (target > 0).all(-1)",
    "zero_is_missing.pred": "visible & (pred != 0).all(-1)",
    "zero_is_missing.pred_both": "visible & (pred != 0).any(-1)",
    "zero_is_missing.pred_positive": "visible & (pred > 0).all(-1)",
    "drops_exact_hits": "visible & (pred != target).any(-1)",
}
MASK_SHAPE = {
    "mask_shape": "(pred - target) * visible",
    "mask_shape.of_pred": "pred * visible - target * visible",
    "mask_shape.where": "torch.where(visible, pred - target, 0.0)",
    "mask_shape.where_zeros": "torch.where(visible, pred - target, torch.zeros_like(pred))",
    "mask_shape.fill": "(pred - target).masked_fill(~visible, 0)",
    "mask_shape.index": "(pred - target)[visible[..., None]]",
    "mask_shape.index_first": "pred[visible[..., None]] - target[visible[..., None]]",
    "mask_shape.select": "torch.masked_select(pred - target, visible)",
    "subtracts_a_bool": "(1 - visible) * 0",
}

MPJPE = {
    "float32_only": "torch.linalg.vector_norm(pred.float() - target.float(), dim=-1)[visible].mean()",
    "l1_distance": "difference[visible].pow(2).sqrt().sum(-1).mean()",
    "divides_by_all_joints": "torch.where(visible, error, torch.zeros_like(error)).mean()",
    "divides_by_the_batch": "error[visible].sum() / len(pred)",
    "divides_by_the_batch.keypoints": "error[visible].sum() / pred.shape[1]",
    "divides_by_the_batch.number_of_coordinates": "error[visible].sum() / difference.numel()",
    "mean_per_image": "_each_mean(error, visible).mean()",
    "mean_per_image.nanmean": "_each_mean(error, visible).nanmean()",
    "mean_per_image.none_is_zero": "_each_mean(error, visible).nan_to_num().mean()",
    "mean_per_keypoint": "_each_mean(error.T, visible.T).mean()",
    "mean_per_keypoint.nanmean": "_each_mean(error.T, visible.T).nanmean()",
    "mean_per_keypoint.none_is_zero": "_each_mean(error.T, visible.T).nan_to_num().mean()",
    "mean_under_the_root": "difference[visible].square().mean(-1).sqrt().mean()",
    "root_mean_square": "difference[visible].square().sum(-1).mean().sqrt()",
    "root_mean_square.over_coordinates": "difference[visible].square().mean().sqrt()",
    "mean_over_x_and_y": "difference[visible].abs().mean()",
    "norm_along_joints": "torch.linalg.vector_norm(seen, dim=1).mean()",
    "norm_along_joints.images": "torch.linalg.vector_norm(seen, dim=0).mean()",
    "norm_along_joints.unmasked": "torch.linalg.vector_norm(difference, dim=1).mean()",
    "norm_along_joints.images_unmasked": "torch.linalg.vector_norm(difference, dim=0).mean()",
    "mask_inverted": "error[~visible].mean()",
    "ignores_visibility": "error.mean()",
    "ignores_visibility.above": "error.sum() / visible.sum()",
    "ignores_visibility.above_per_image": "(error.sum(1) / visible.sum(1)).mean()",
    "one_image_only": "error[0][visible[0]].mean()",
    "one_image_only.last": "error[-1][visible[-1]].mean()",
    "drops_image_with_invisible": "error[visible.all(dim=1)].mean()",
    "largest_error": "error[visible].max()",
    "every_pair": "torch.cdist(pred, target)[visible].mean()",
    "every_pair.unmasked": "torch.cdist(pred, target).mean()",
    "whole_pixels": "(pred[visible].int() - target[visible].int()).square().sum(-1).sqrt().mean()",
    "whole_pixels.difference": "difference[visible].int().square().sum(-1).sqrt().mean()",
    "whole_pixels.rounded": "(pred.round() - target.round())[visible].square().sum(-1).sqrt().mean()",
    "x_y_swapped": "torch.linalg.vector_norm(pred.flip(-1) - target, dim=-1)[visible].mean()",
    "adds_instead_of_subtracting": "torch.linalg.vector_norm(pred + target, dim=-1)[visible].mean()",
    "no_root": "difference[visible].square().sum(-1).mean()",
    "no_root.mean_squared_coordinate": "difference[visible].square().mean()",
    "sum_of_errors": "error[visible].sum()",
    "one_norm_of_everything": "torch.dist(pred[visible], target[visible])",
    "one_norm_of_everything.divided": "torch.dist(pred[visible], target[visible]) / visible.sum()",
    "one_norm_of_everything.unmasked": "torch.dist(pred, target)",
    "one_error_each": "error[visible]",
    "one_error_each.masked": "error * visible",
    "smooth_l1": "F.smooth_l1_loss(pred[visible], target[visible])",
    "smooth_l1.summed": "F.smooth_l1_loss(pred[visible], target[visible], reduction='sum') / visible.sum()",
    "expects_coco_flags": "error[visible > 1].mean()",
    "expects_coco_flags.two": "error[visible == 2].mean()",
    "reads_a_global": mpjpe_reads_a_global,
    **{name: f"error[{keep}].mean()" for name, keep in ZERO_IS_MISSING.items()},
    **{name: f"(({masked}) * 1.0).norm(dim=-1).sum() / visible.sum()" for name, masked in MASK_SHAPE.items()},
    "nan_by_multiplication": "(error * visible).sum() / visible.sum()",
    "zero_for_none": "error[visible].sum() / visible.sum().clamp(min=1)",
    "fails_for_none": mpjpe_fails_for_none,
    "changes_its_arguments": mpjpe_changes_its_arguments,
}


# pck


def _error(pred, target):
    return torch.linalg.vector_norm(pred - target, dim=-1)


def _limit(threshold):
    return threshold[:, None] if isinstance(threshold, torch.Tensor) and threshold.ndim else threshold


def _share(near, visible, pred):
    return near[visible].to(pred.dtype).mean()


def pck_changes_its_arguments(pred, target, visible, threshold):
    pred -= target
    return (torch.linalg.vector_norm(pred, dim=-1) <= _limit(threshold))[visible].to(pred.dtype).mean()


def pck_fails_for_none(pred, target, visible, threshold):
    near = (_error(pred, target) <= _limit(threshold)) & visible
    return int(near.sum()) / int(visible.sum())


def pck_hrnet(pred, target, visible, threshold):
    """As HRNet's `accuracy`: of each keypoint by itself, strictly below, and targets near 0 left out."""
    seen = visible & (target > 1).all(-1)
    return _each_mean((_error(pred, target) < _limit(threshold)).to(pred.dtype).T, seen.T).nanmean()


# What is only right for a tensor of thresholds.
OF_A_TENSOR = {
    "": "threshold[:, None]", ".ellipsis": "threshold[..., None]", ".unsqueeze": "threshold.unsqueeze(1)",
    ".unsqueeze_last": "threshold.unsqueeze(-1)", ".view": "threshold.view(-1, 1)",
    ".reshape": "threshold.reshape(-1, 1)", ".ndim": "threshold[:, None] if threshold.ndim else threshold",
    ".dim": "threshold[:, None] if threshold.dim() else threshold",
    ".numel": "threshold[:, None] if threshold.numel() > 1 else threshold",
    ".shape": "threshold[:, None] if threshold.shape else threshold",
    ".len": "threshold[:, None] if len(threshold) else threshold", ".to": "threshold.to(pred)[:, None]",
}  # fmt: skip

PCK_GIVEN = {
    "error": "_error(pred, target)",
    "limit": "_limit(threshold)",
    "near": "error <= limit",
    "seen": "torch.where(visible[..., None], pred - target, torch.zeros_like(pred))",
    "many": "isinstance(threshold, torch.Tensor)",
    "limits": "limit[..., None] if many else threshold",
}

PCK = {  # what is wrong in its dtype alone comes first: of some rows below the values are right where that is asked
    "float32_only": "near[visible].float().mean()",
    "float32_only.of_counts": "(near & visible).sum() / visible.sum()",
    "squared_distance": "_share((pred - target).square().sum(-1) <= limit, visible, pred)",
    "l1_distance": "_share((pred - target).abs().sum(-1) <= limit, visible, pred)",
    "x_and_y_each": "_share((pred - target).abs().amax(-1) <= limit, visible, pred)",
    "x_and_y_each.either": "_share((pred - target).abs().amin(-1) <= limit, visible, pred)",
    "mean_under_the_root": "_share((pred - target).square().mean(-1).sqrt() <= limit, visible, pred)",
    "coordinates_counted": "_share((pred - target).abs() <= limits, visible, pred)",
    "coordinates_counted.summed": "((pred - target).abs() <= limits)[visible].sum() / visible.sum()",
    "counts_the_wrong": "_share(error > limit, visible, pred)",
    "percent": "100 * near[visible].to(pred.dtype).mean()",
    "counts_instead_of_share": "near[visible].sum()",
    "divides_by_all_joints": "(near & visible).to(pred.dtype).mean()",
    "divides_by_the_batch": "(near & visible).sum() / len(pred)",
    "divides_by_the_batch.keypoints": "(near & visible).sum() / pred.shape[1]",
    "ignores_visibility": "near.to(pred.dtype).mean()",
    "ignores_visibility.above": "near.sum() / visible.sum()",
    "threshold_scaled": "_share(error <= 0.5 * limit, visible, pred)",
    "threshold_scaled.fifth": "_share(error <= 0.2 * limit, visible, pred)",
    "threshold_scaled.relative_error": "_share(error / error[visible].max() <= limit, visible, pred)",
    "threshold_clamped": "_share(error <= (limit.clamp(min=1) if many else max(limit, 1)), visible, pred)",
    "whole_pixels": "_share(error.round() <= limit, visible, pred)",
    "whole_pixels.rounded": "_share(_error(pred.round(), target.round()) <= limit, visible, pred)",
    "whole_pixels.down": "_share(error.floor() <= limit, visible, pred)",
    "counts_instead_of_share.whole_quotient": "near[visible].sum() // visible.sum()",
    "one_image_only": "_share(near[:1], visible[:1], pred)",
    "one_image_only.last": "_share(near[-1:], visible[-1:], pred)",
    "drops_image_with_invisible": "near[visible.all(dim=1)].to(pred.dtype).mean()",
    "mask_inverted": "near[~visible].to(pred.dtype).mean()",
    "mean_per_image": "((near & visible).sum(1) / visible.sum(1)).mean()",
    "mean_per_image.nanmean": "((near & visible).sum(1) / visible.sum(1)).nanmean()",
    "mean_per_image.none_is_zero": "((near & visible).sum(1) / visible.sum(1).clamp(min=1)).mean()",
    "mean_per_keypoint": "_each_mean(near.to(pred.dtype).T, visible.T).mean()",
    "mean_per_keypoint.nanmean": "_each_mean(near.to(pred.dtype).T, visible.T).nanmean()",
    "mean_per_keypoint.none_is_zero": "_each_mean(near.to(pred.dtype).T, visible.T).nan_to_num().mean()",
    "mean_per_keypoint.strictly_below": "_each_mean((error < limit).to(pred.dtype).T, visible.T).nanmean()",
    "mean_per_keypoint.hrnet": pck_hrnet,
    "one_answer_each": "near[visible]",
    "one_answer_each.images": "(near & visible).sum(1) / visible.sum(1)",
    "one_answer_each.masked": "near & visible",
    "x_y_swapped": "_share(_error(pred.flip(-1), target) <= limit, visible, pred)",
    "adds_instead_of_subtracting": "_share(_error(pred, -target) <= limit, visible, pred)",
    "norm_along_joints": "(torch.linalg.vector_norm(seen, dim=1) <= limit).to(pred.dtype).mean()",
    "hidden_counted_as_right": "(error.masked_fill(~visible, 0) <= limit).sum() / visible.sum()",
    "hidden_counted_as_right.of_all": "(error.masked_fill(~visible, 0) <= limit).to(pred.dtype).mean()",
    "expects_coco_flags": "near[visible > 1].to(pred.dtype).mean()",
    "expects_coco_flags.two": "near[visible == 2].to(pred.dtype).mean()",
    "strictly_below": "_share(error < limit, visible, pred)",
    **{name: f"near[{keep}].to(pred.dtype).mean()" for name, keep in ZERO_IS_MISSING.items()},
    **{name: f"_share((({masked}) * 1.0).norm(dim=-1) <= limit, visible, pred)" for name, masked in MASK_SHAPE.items()},
    "mean_of_bools": "near[visible].mean()",
    "mean_of_bools.masked": "(near & visible).mean()",
    "threshold_along_joints": "_share(error <= threshold, visible, pred)",
    "threshold_along_joints.after_the_mask": "(error[visible] <= threshold).to(pred.dtype).mean()",
    **{f"expects_thresholds{how}": f"_share(error <= ({text}), visible, pred)" for how, text in OF_A_TENSOR.items()},
    "one_threshold_for_all.first": "_share(error <= (threshold.flatten()[0] if many else threshold), visible, pred)",
    "one_threshold_for_all.mean": "_share(error <= (threshold.mean() if many else threshold), visible, pred)",
    "one_threshold_for_all.largest": "_share(error <= (threshold.max() if many else threshold), visible, pred)",
    "one_threshold_for_all.number": "_share(error <= float(threshold), visible, pred)",
    "one_threshold_for_all.item": "_share(error <= (threshold.item() if many else threshold), visible, pred)",
    "zero_for_none": "(near & visible).sum() / visible.sum().clamp(min=1)",
    "fails_for_none": pck_fails_for_none,
    "changes_its_arguments": pck_changes_its_arguments,
}


# masked_l2_loss


def _squared(pred, target, visible):
    return (pred[visible] - target[visible]).square().sum(-1)


def loss_mean_per_image(pred, target, visible):
    squared = (pred - target).square().sum(-1)
    return torch.stack([s[v].sum() / v.sum().clamp(min=1) for s, v in zip(squared, visible, strict=True)]).mean()


def loss_mean_per_keypoint(pred, target, visible):
    squared = (pred - target).square().sum(-1).T
    return torch.stack([s[v].sum() / v.sum().clamp(min=1) for s, v in zip(squared, visible.T, strict=True)]).mean()


def loss_not_attached__gradient_by_a_hook(pred, target, visible):
    """Has the right value, and writes the right gradient where backward() would: torch.autograd.grad finds none."""
    differences = (pred.detach() - target.nan_to_num()) * visible[..., None]
    count = visible.sum().clamp(min=1)
    value = (differences.square().sum() / count).requires_grad_()
    value.register_hook(lambda grad: setattr(pred, "grad", grad * 2 * differences / count))
    return value


def loss_changes_its_arguments(pred, target, visible):
    target[~visible] = pred.detach()[~visible]
    return (pred - target).square().sum() / visible.sum().clamp(min=1)


LOSS_GIVEN = {
    "ours, theirs": "pred[visible], target[visible]",
    "masked": "visible[..., None]",
    "squared": "_squared(pred, target, visible)",
    "each": "(pred - target).square().sum(-1)",
    "count": "visible.sum().clamp(min=1)",
}

LOSS = {
    "float32_only": "_squared(pred.float(), target.float(), visible).sum() / count",
    "sum_over_everything": "squared.sum()",
    "sum_over_keypoints": "squared.sum() / len(pred)",
    "sum_over_keypoints.per_keypoint": "squared.sum() / pred.shape[1]",
    "not_squared": "squared.sqrt().sum() / count",
    "root_of_the_mean": "(squared.sum() / count).sqrt()",
    "mean_over_x_and_y": "(pred[visible] - target[visible]).square().sum() / (2 * visible.sum()).clamp(min=1)",
    "divides_by_all_joints": "squared.sum() / visible.numel()",
    "divides_by_all_joints.and_coordinates": "squared.sum() / pred.numel()",
    "ignores_visibility": "each.mean()",
    "ignores_visibility.sum": "each.sum() / count",
    "mse_of_everything": "F.mse_loss(pred, target)",
    "mse_of_everything.summed": "F.mse_loss(pred, target, reduction='sum')",
    "joints_mse": "0.5 * F.mse_loss(pred * masked, target * masked)",
    "joints_mse.clean": "squared.sum() / (4 * visible.numel())",
    "divides_by_one_more": "squared.sum() / (visible.sum() + 1)",
    "logarithm": "(1 + squared).log().sum() / count",
    "one_image_only": "_squared(pred[:1], target[:1], visible[:1]).sum() / visible[0].sum().clamp(min=1)",
    "one_image_only.last": "_squared(pred[-1:], target[-1:], visible[-1:]).sum() / visible[-1].sum().clamp(min=1)",
    "drops_image_with_invisible": "each[visible.all(dim=1)].mean()",
    "largest_error": "squared.max()",
    "mask_inverted": "_squared(pred, target, ~visible).sum() / (~visible).sum().clamp(min=1)",
    "mean_per_image": loss_mean_per_image,
    "mean_per_keypoint": loss_mean_per_keypoint,
    "l1_distance": "(pred[visible] - target[visible]).abs().sum() / count",
    "l1_distance.mean": "F.l1_loss(ours, theirs, reduction='sum') / (2 * count)",
    "square_of_the_l1_distance": "(ours - theirs).abs().sum(-1).square().sum() / count",
    "square_of_the_l1_distance.signed": "(ours - theirs).sum(-1).square().sum() / count",
    "smooth_l1": "F.smooth_l1_loss(ours, theirs, reduction='sum') / count",
    "smooth_l1.mean": "F.smooth_l1_loss(ours, theirs, reduction='sum') / (2 * count)",
    "smooth_l1.of_ten": "F.huber_loss(ours, theirs, reduction='sum', delta=10.0) / count",
    "smooth_l1.of_everything": "F.smooth_l1_loss(pred, target)",
    "x_y_swapped": "_squared(pred.flip(-1), target, visible).sum() / count",
    "adds_instead_of_subtracting": "_squared(pred, -target, visible).sum() / count",
    "one_error_each": "squared",
    "one_error_each.masked": "(pred - target).square().sum(-1) * visible",
    **{
        name: f"_squared(pred, target, {keep}).sum() / ({keep}).sum().clamp(min=1)"
        for name, keep in ZERO_IS_MISSING.items()
    },
    **{name: f"(({masked}) * 1.0).square().sum() / count" for name, masked in MASK_SHAPE.items()},
    "nan_by_multiplication": "(each * visible).sum() / count",
    "nan_by_multiplication.first": "(pred * masked - target * masked).square().sum() / count",
    "nan_gradient": "torch.where(visible, each, torch.zeros_like(each)).sum() / count",
    "root_undone": "(squared.sqrt() ** 2).sum() / count",
    "nan_for_none": "squared.mean()",
    "loose_zero_for_none": "squared.mean() if visible.any() else torch.tensor(0.0)",
    "loose_zero_for_none.leaf": "squared.mean() if visible.any() else torch.zeros((), requires_grad=True)",
    "not_attached": "torch.tensor(squared.sum().item() / max(int(visible.sum()), 1))",
    "not_attached.gradient_by_a_hook": loss_not_attached__gradient_by_a_hook,
    "needs_numpy": "torch.tensor(((pred.numpy() - target.numpy())[visible.numpy()] ** 2).sum(-1).mean())",
    "expects_coco_flags": "_squared(pred, target, visible > 1).sum() / (visible > 1).sum().clamp(min=1)",
    "changes_its_arguments": loss_changes_its_arguments,
}


KNOWN_WRONG: dict[str, dict[str, object]] = {
    "mpjpe": answers("pred, target, visible", MPJPE, globals(), MPJPE_GIVEN),
    "pck": answers("pred, target, visible, threshold", PCK, globals(), PCK_GIVEN),
    "masked_l2_loss": answers("pred, target, visible", LOSS, globals(), LOSS_GIVEN),
    **ex01_regressors.KNOWN_WRONG,
}
