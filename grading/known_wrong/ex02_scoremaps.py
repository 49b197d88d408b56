"""Known wrong answers to exercise 2's questions about score maps and their loss."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: F401, for the tables

from grading.known_wrong.table import answers

__all__ = ["KNOWN_WRONG"]


# gaussian_scoremaps


def _offsets(keypoints, size, first=0.0):
    """Return x - px (B, K, 1, W) and y - py (B, K, H, 1)."""
    height, width = size
    xs = torch.arange(width, dtype=keypoints.dtype) + first
    ys = torch.arange(height, dtype=keypoints.dtype) + first
    x, y = keypoints.nan_to_num()[..., None, None].unbind(2)
    return xs - x, ys[:, None] - y


def _masked(maps, visible):
    return maps * visible[..., None, None]


def _bell(distance, sigma):
    return torch.exp(-(distance**2) / (2 * sigma**2))


def _gaussian(keypoints, visible, size, sigma, first=0.0):
    dx, dy = _offsets(keypoints, size, first)
    return _masked(torch.exp(-(dx**2 + dy**2) / (2 * sigma**2)), visible)


def maps_nan_by_multiplication(keypoints, visible, size, sigma):
    xs, ys = torch.arange(size[1]).to(keypoints), torch.arange(size[0]).to(keypoints)
    x, y = keypoints[..., None, None].unbind(2)
    return _masked(torch.exp(-((xs - x) ** 2 + (ys[:, None] - y) ** 2) / (2 * sigma**2)), visible)


def maps_changes_its_arguments(keypoints, visible, size, sigma):
    keypoints[~visible] = 0
    keypoints /= sigma
    dx, dy = _offsets(keypoints * sigma, size)
    return _masked(torch.exp(-(dx**2 + dy**2) / (2 * sigma**2)), visible)


def maps_changes_its_arguments__the_invisible(keypoints, visible, size, sigma):
    keypoints[~visible] = 0
    return _gaussian(keypoints, visible, size, sigma)


MAPS_GIVEN = {
    "dx, dy": "_offsets(keypoints, size)",
    "distance": "torch.hypot(dx, dy)",
    "maps": "_gaussian(keypoints, visible, size, sigma)",
    "filled": "keypoints.nan_to_num()",
    "everywhere": "torch.ones_like(visible)",
    "edge": "keypoints.new_tensor([size[1] - 1, size[0] - 1])",
    "inside": "((keypoints >= 0) & (keypoints <= edge)).all(dim=-1)",
    "mixed": "keypoints.transpose(1, 2).reshape(keypoints.shape)",
}

MAPS = {
    "x_y_swapped": "_gaussian(keypoints.flip(-1), visible, size, sigma)",
    "transposed_maps": "maps.transpose(-1, -2)",
    "size_swapped": "_gaussian(keypoints, visible, size[::-1], sigma)",
    "rounds_the_centre": "_gaussian(filled.round(), visible, size, sigma)",
    "rounds_the_centre.half_up": "_gaussian((filled + 0.5).floor(), visible, size, sigma)",
    "rounds_the_centre.down": "_gaussian(filled.floor(), visible, size, sigma)",
    "rounds_the_centre.towards_zero": "_gaussian(filled.trunc(), visible, size, sigma)",
    "half_pixel": "_gaussian(keypoints, visible, size, sigma, first=0.5)",
    "half_pixel.other_way": "_gaussian(keypoints, visible, size, sigma, first=-0.5)",
    "grid_from_one": "_gaussian(keypoints, visible, size, sigma, first=1)",
    "distance_not_squared": "_masked(torch.exp(-distance / sigma**2), visible)",
    "distance_not_squared.with_factor": "_masked(torch.exp(-distance / (2 * sigma**2)), visible)",
    "distance_not_squared.by_sigma": "_masked(torch.exp(-distance / sigma), visible)",
    "sigma_not_squared": "_gaussian(keypoints, visible, size, sigma**0.5)",
    "sigma_not_squared.nor_doubled": "_gaussian(keypoints, visible, size, (sigma / 2) ** 0.5)",
    "factor_two_missing": "_gaussian(keypoints, visible, size, sigma / 2**0.5)",
    "factor_two_missing.squared_too": "_gaussian(keypoints, visible, size, sigma * 2**0.5)",
    "wrong_brackets": "_gaussian(keypoints, visible, size, 1 / sigma)",
    "one_square_for_both": "_masked(_bell(dx + dy, sigma), visible)",
    "one_square_for_both.x_twice": "_masked(torch.exp(-(dx**2 + dx**2 + 0 * dy) / (2 * sigma**2)), visible)",
    "cross_instead_of_blob": "_masked(_bell(dx, sigma) + _bell(dy, sigma), visible)",
    "normalised_to_sum_one": "maps / maps.sum(dim=(2, 3), keepdim=True)",
    "normalised_to_sum_one.as_a_density": "maps / (2 * torch.pi * sigma**2)",
    "peak_forced_to_one": "maps / maps.amax(dim=(2, 3), keepdim=True)",
    "cut_off": "torch.where(distance <= 3 * sigma, maps, 0)",
    "cut_off.as_a_square": "torch.where((dx.abs() <= 3 * sigma) & (dy.abs() <= 3 * sigma), maps, 0)",
    "cut_off.small_values": "torch.where(maps > 0.01, maps, 0)",
    "clamped_centre": "_gaussian(torch.minimum(filled.clamp(min=0), edge), visible, size, sigma)",
    "drops_outside": "_gaussian(keypoints, visible & inside, size, sigma)",
    "mixes_keypoints": "maps.transpose(0, 1).reshape(*visible.shape, *size)",
    "mixes_keypoints.coordinates": "_gaussian(mixed, visible, size, sigma)",
    "one_map_for_all": "maps.amax(dim=1)",
    "one_map_for_all.kept_axis": "maps.amax(dim=1, keepdim=True)",
    "one_map_for_all.repeated": "maps.amax(dim=1, keepdim=True).expand_as(maps)",
    "blob_for_invisible": "_gaussian(keypoints, everywhere, size, sigma)",
    "blob_for_invisible.in_the_corner": "_gaussian(filled * visible[..., None], everywhere, size, sigma)",
    "blob_for_invisible.if_not_nan": "_gaussian(keypoints, keypoints.isfinite().all(dim=-1), size, sigma)",
    "drops_image_with_invisible": "_gaussian(keypoints, visible & visible.all(dim=1, keepdim=True), size, sigma)",
    "mask_inverted": "_gaussian(keypoints, ~visible, size, sigma)",
    "nan_by_multiplication": maps_nan_by_multiplication,
    "mask_inverted.coco_flags": "_gaussian(keypoints, visible > 1, size, sigma)",
    "float32_only": "_gaussian(keypoints.float(), visible, size, sigma)",
    "changes_its_arguments": maps_changes_its_arguments,
    "changes_its_arguments.the_invisible": maps_changes_its_arguments__the_invisible,
}


# scoremap_loss


def _loss(pred, target):
    return (pred - target).square().sum(dim=(1, 2, 3)).mean()


def loss_changes_its_arguments(pred, target):
    with torch.no_grad():
        target.sub_(pred)
    return ((pred - (target + pred.detach())) ** 2).sum(dim=(1, 2, 3)).mean()


def loss_changes_its_arguments__pred(pred, target):
    pred.data -= target
    return pred.square().sum(dim=(1, 2, 3)).mean()


LOSS_GIVEN = {"squared": "(pred - target).square()", "each": "squared.sum(dim=(1, 2, 3))"}

LOSS = {
    "mean_of_everything": "F.mse_loss(pred, target)",
    "mean_over_keypoints": "squared.sum(dim=(2, 3)).mean()",
    "mean_over_pixels": "squared.mean(dim=(2, 3)).sum(dim=1).mean()",
    "sum_over_the_batch": "squared.sum()",
    "halved": "each.mean() / 2",
    "root_of_each_map": "torch.linalg.vector_norm(pred - target, dim=(2, 3)).sum(dim=1).mean()",
    "root_of_each_map.mean": "torch.linalg.vector_norm(pred - target, dim=(2, 3)).mean()",
    "root_of_the_loss": "each.mean().sqrt()",
    "root_of_the_loss.per_image": "each.sqrt().mean()",
    "root_of_the_loss.everything": "torch.linalg.vector_norm(pred - target)",
    "root_of_the_loss.mean": "F.mse_loss(pred, target).sqrt()",
    "l1_distance": "(pred - target).abs().sum(dim=(1, 2, 3)).mean()",
    "l1_distance.mean": "F.l1_loss(pred, target)",
    "spectral_norm": "torch.linalg.matrix_norm(pred - target, ord=2).square().sum(dim=1).mean()",
    "square_of_the_sum": "(pred - target).sum(dim=(2, 3)).square().sum(dim=1).mean()",
    "square_of_the_sum.over_keypoints": "(pred - target).sum(dim=1).square().sum(dim=(1, 2)).mean()",
    "ignores_background": "(squared * (target > 0)).sum(dim=(1, 2, 3)).mean()",
    "activates_pred": "_loss(pred.sigmoid(), target)",
    "activates_pred.softmax": "_loss(pred.flatten(2).softmax(dim=-1).view_as(pred), target)",
    "activates_pred.relu": "_loss(pred.relu(), target)",
    "not_attached": "_loss(pred.detach(), target)",
    "not_attached.number": "torch.tensor(squared.sum().item() / len(pred))",
    "needs_numpy": "torch.tensor(((pred.numpy() - target.numpy()) ** 2).sum(axis=(1, 2, 3)).mean())",
    "nan_gradient": "(squared.sum(dim=(2, 3)).sqrt() ** 2).sum(dim=1).mean()",
    "nan_gradient.of_the_batch": "squared.sum().sqrt() ** 2 / len(pred)",
    "float32_only": "_loss(pred.float(), target.float())",
    "changes_its_arguments": loss_changes_its_arguments,
    "changes_its_arguments.pred": loss_changes_its_arguments__pred,
}


KNOWN_WRONG: dict[str, dict[str, object]] = {
    "gaussian_scoremaps": answers("keypoints, visible, size, sigma", MAPS, globals(), MAPS_GIVEN),
    "scoremap_loss": answers("pred, target", LOSS, globals(), LOSS_GIVEN),
}
