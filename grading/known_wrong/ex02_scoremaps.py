"""Known wrong answers to exercise 2's questions about score maps and their loss."""

from __future__ import annotations

import math

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


def _pasted(keypoints, visible, size, sigma, whole, radius, grown=0):
    """Paste a patch of a Gaussian about a whole pixel, as HRNet and CenterNet do: 3 sigma wide, inside the map only."""
    maps = keypoints.new_zeros(*visible.shape, *size)
    height, width = size
    for b, k in visible.nonzero().tolist():
        x, y = (int(whole(float(place))) for place in keypoints[b, k])
        if x + radius < 0 or y + radius < 0 or x - radius >= width or y - radius >= height:
            continue
        for row in range(max(y - radius, 0), min(y + radius + 1 + grown, height)):
            for column in range(max(x - radius, 0), min(x + radius + 1 + grown, width)):
                maps[b, k, row, column] = math.exp(-((column - x) ** 2 + (row - y) ** 2) / (2 * sigma**2))
    return maps


def maps_stretched_grid(keypoints, visible, size, sigma):
    xs, ys = (torch.linspace(0, side, side).to(keypoints) for side in reversed(size))
    x, y = keypoints.nan_to_num()[..., None, None].unbind(2)
    return _masked(torch.exp(-((xs - x) ** 2 + (ys[:, None] - y) ** 2) / (2 * sigma**2)), visible)


def maps_hrnet(keypoints, visible, size, sigma):
    return _pasted(keypoints, visible, size, sigma, lambda place: place + 0.5, int(3 * sigma))


def maps_hrnet_patch(keypoints, visible, size, sigma):
    """The same with HRNet's own borders, which are made for a whole number of sigmas."""
    maps, reach = keypoints.new_zeros(*visible.shape, *size), 3 * sigma
    side = math.ceil(2 * reach + 1)
    d = torch.arange(side).to(keypoints) - (2 * reach + 1) // 2
    patch = torch.exp(-(d**2 + d[:, None] ** 2) / (2 * sigma**2))
    for b, k in visible.nonzero().tolist():
        middles = [int(place + 0.5) for place in keypoints[b, k].tolist()]
        low, high = ([int(m + by) for m in middles] for by in (-reach, reach + 1))
        if any(lo >= n or hi < 0 for lo, hi, n in zip(low, high, size[::-1], strict=True)):
            continue
        (x0, x1), (y0, y1) = ((max(0, lo), min(hi, n)) for lo, hi, n in zip(low, high, size[::-1], strict=True))
        part = patch[y0 - low[1] : y1 - low[1], x0 - low[0] : x1 - low[0]]
        maps[b, k, y0 : y0 + len(part), x0 : x0 + part.shape[1]] = part
    return maps


def maps_centernet(keypoints, visible, size, sigma):
    """CenterNet's sigma is a sixth of the patch."""
    maps, radius = keypoints.new_zeros(*visible.shape, *size), int(3 * sigma)
    for b, k in visible.nonzero().tolist():
        x, y = (int(place) for place in keypoints[b, k].tolist())
        for row in range(max(y - radius, 0), min(y + radius + 1, size[0])):
            for column in range(max(x - radius, 0), min(x + radius + 1, size[1])):
                square = (column - x) ** 2 + (row - y) ** 2
                maps[b, k, row, column] = math.exp(-square / (2 * ((2 * radius + 1) / 6) ** 2))
    return maps


def maps_openpose(keypoints, visible, size, sigma):
    """As OpenPose's targets: nothing beyond an exponent of 4.6052."""
    dx, dy = _offsets(keypoints, size)
    exponent = (dx**2 + dy**2) / (2 * sigma**2)
    return _masked(torch.exp(-exponent) * (exponent <= 4.6052), visible)


def maps_one_pixel(keypoints, visible, size, sigma):
    maps = keypoints.new_zeros(*visible.shape, *size)
    for b, k in visible.nonzero().tolist():
        x, y = (round(place) for place in keypoints[b, k].tolist())
        if 0 <= x < size[1] and 0 <= y < size[0]:
            maps[b, k, y, x] = 1
    return maps


def maps_without_an_axis(keypoints, visible, size, sigma):
    xs, ys = torch.arange(size[1]).to(keypoints), torch.arange(size[0]).to(keypoints)
    x, y = keypoints.nan_to_num().unbind(-1)
    return _masked(torch.exp(-((xs - x) ** 2 + (ys[:, None] - y) ** 2) / (2 * sigma**2)), visible)


def maps_of_one_image(keypoints, visible, size, sigma):
    ys, xs = torch.meshgrid(torch.arange(size[0]), torch.arange(size[1]), indexing="ij")
    x, y = keypoints.nan_to_num().unbind(-1)
    return torch.exp(-((xs - x) ** 2 + (ys - y) ** 2) / (2 * sigma**2)) * visible


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
    "float32_only": "_gaussian(keypoints.float(), visible, size, sigma)",
    "x_y_swapped": "_gaussian(keypoints.flip(-1), visible, size, sigma)",
    "transposed_maps": "maps.transpose(-1, -2)",
    "size_swapped": "_gaussian(keypoints, visible, size[::-1], sigma)",
    "rounds_the_centre": "_gaussian(filled.round(), visible, size, sigma)",
    "rounds_the_centre.half_up": "_gaussian((filled + 0.5).floor(), visible, size, sigma)",
    "rounds_the_centre.down": "_gaussian(filled.floor(), visible, size, sigma)",
    "rounds_the_centre.towards_zero": "_gaussian(filled.trunc(), visible, size, sigma)",
    "rounds_the_centre.hrnet": maps_hrnet,
    "rounds_the_centre.hrnet_patch": maps_hrnet_patch,
    "rounds_the_centre.centernet": maps_centernet,
    "zero_is_missing": "_gaussian(keypoints, visible & (filled != 0).all(-1), size, sigma)",
    "zero_is_missing.both": "_gaussian(keypoints, visible & (filled != 0).any(-1), size, sigma)",
    "zero_is_missing.positive": "_gaussian(keypoints, visible & (filled > 0).all(-1), size, sigma)",
    "half_pixel": "_gaussian(keypoints, visible, size, sigma, first=0.5)",
    "half_pixel.other_way": "_gaussian(keypoints, visible, size, sigma, first=-0.5)",
    "grid_from_one": "_gaussian(keypoints, visible, size, sigma, first=1)",
    "distance_not_squared": "_masked(torch.exp(-distance / sigma**2), visible)",
    "distance_not_squared.with_factor": "_masked(torch.exp(-distance / (2 * sigma**2)), visible)",
    "distance_not_squared.by_sigma": "_masked(torch.exp(-distance / sigma), visible)",
    "distance_not_squared.by_two_sigma": "_masked(torch.exp(-distance / (2 * sigma)), visible)",
    "distance_not_squared.l1": "_masked(torch.exp(-(dx.abs() + dy.abs()) / (2 * sigma**2)), visible)",
    "distance_not_squared.l1_printed": "_masked(torch.exp(-(dx.abs() + dy.abs()) / sigma**2), visible)",
    "distance_not_squared.l1_by_sigma": "_masked(torch.exp(-(dx.abs() + dy.abs()) / sigma), visible)",
    "minus_missing": "_masked(torch.exp((dx**2 + dy**2) / (2 * sigma**2)), visible)",
    # Before what is empty out there, too, for other reasons.
    "drops_outside": "_gaussian(keypoints, visible & inside, size, sigma)",
    "drops_outside.below_zero": "_gaussian(keypoints, visible & (filled >= 0).all(-1), size, sigma)",
    "drops_outside.beyond_the_size": "_gaussian(keypoints, visible & (filled < edge + 1).all(-1), size, sigma)",
    "drops_outside.of_the_size": (
        "_gaussian(keypoints, visible & ((filled >= 0) & (filled < edge + 1)).all(-1), size, sigma)"
    ),
    "exponential_missing": "_masked((dx**2 + dy**2) / (2 * sigma**2), visible)",
    "exponential_missing.negative": "_masked(-(dx**2 + dy**2) / (2 * sigma**2), visible)",
    "exponential_missing.tent": "_masked((1 - distance / (3 * sigma)).clamp(min=0), visible)",
    "exponential_missing.one_pixel": maps_one_pixel,
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
    "normalised_to_sum_one.of_one_axis": "maps / (sigma * (2 * torch.pi) ** 0.5)",
    "normalised_to_sum_one.softmax": "maps.flatten(2).softmax(-1).view_as(maps)",
    "stretched_grid": maps_stretched_grid,
    "peak_forced_to_one": "maps / maps.amax(dim=(2, 3), keepdim=True)",
    "cut_off": "torch.where(distance <= 3 * sigma, maps, 0)",
    "cut_off.as_a_square": "torch.where((dx.abs() <= 3 * sigma) & (dy.abs() <= 3 * sigma), maps, 0)",
    "cut_off.small_values": "torch.where(maps > 0.01, maps, 0)",
    "cut_off.openpose": maps_openpose,
    "cut_off.at_two_sigma": "torch.where(distance <= 2 * sigma, maps, 0)",
    "cut_off.whole_radius": "torch.where((dx.abs() <= int(3 * sigma)) & (dy.abs() <= int(3 * sigma)), maps, 0)",
    "clamped_centre": "_gaussian(torch.minimum(filled.clamp(min=0), edge), visible, size, sigma)",
    "mixes_keypoints": "maps.transpose(0, 1).reshape(*visible.shape, *size)",
    "mixes_keypoints.coordinates": "_gaussian(mixed, visible, size, sigma)",
    "axes_missing": maps_without_an_axis,
    "axes_missing.meshgrid": maps_of_one_image,
    "axes_missing.mask": "_gaussian(keypoints, everywhere, size, sigma) * visible",
    "one_map_for_all": "maps.amax(dim=1)",
    "one_map_for_all.summed": "maps.sum(dim=1)",
    "one_map_for_all.background": "torch.cat([maps, 1 - maps.amax(dim=1, keepdim=True)], dim=1)",
    "one_map_for_all.kept_axis": "maps.amax(dim=1, keepdim=True)",
    "one_map_for_all.repeated": "maps.amax(dim=1, keepdim=True).expand_as(maps)",
    "blob_for_invisible": "_gaussian(keypoints, everywhere, size, sigma)",
    "blob_for_invisible.in_the_corner": "_gaussian(filled * visible[..., None], everywhere, size, sigma)",
    "blob_for_invisible.if_not_nan": "_gaussian(keypoints, keypoints.isfinite().all(dim=-1), size, sigma)",
    "drops_image_with_invisible": "_gaussian(keypoints, visible & visible.all(dim=1, keepdim=True), size, sigma)",
    "mask_inverted": "_gaussian(keypoints, ~visible, size, sigma)",
    "nan_by_multiplication": maps_nan_by_multiplication,
    "mask_inverted.coco_flags": "_gaussian(keypoints, visible > 1, size, sigma)",
    "scaled_again": "_gaussian(keypoints / 8, visible, size, sigma)",
    "scaled_again.by_four": "_gaussian(keypoints / 4, visible, size, sigma)",
    "scaled_again.multiplied": "_gaussian(keypoints * 8, visible, size, sigma)",
    "scaled_again.sigma": "_gaussian(keypoints, visible, size, sigma / 8)",
    "scaled_again.pixel_centres": "_gaussian((keypoints + 0.5) / 8 - 0.5, visible, size, sigma)",
    "changes_its_arguments": maps_changes_its_arguments,
    "changes_its_arguments.the_invisible": maps_changes_its_arguments__the_invisible,
}


# scoremap_loss


def _loss(pred, target):
    return (pred - target).square().sum(dim=(1, 2, 3)).mean()


def loss_not_attached__gradient_by_a_hook(pred, target):
    """Has the right value, and writes the right gradient where backward() would: torch.autograd.grad finds none."""
    difference = pred.detach() - target
    value = (difference.square().sum() / len(pred)).requires_grad_()
    value.register_hook(lambda grad: setattr(pred, "grad", grad * 2 * difference / len(pred)))
    return value


def loss_changes_its_arguments(pred, target):
    with torch.no_grad():
        target.sub_(pred)
    return ((pred - (target + pred.detach())) ** 2).sum(dim=(1, 2, 3)).mean()


def loss_changes_its_arguments__pred(pred, target):
    pred.data -= target
    return pred.square().sum(dim=(1, 2, 3)).mean()


LOSS_GIVEN = {"squared": "(pred - target).square()", "each": "squared.sum(dim=(1, 2, 3))"}

LOSS = {
    "float32_only": "_loss(pred.float(), target.float())",
    "mean_of_everything": "F.mse_loss(pred, target)",
    "joints_mse": "0.5 * F.mse_loss(pred, target)",
    "joints_mse.summed": "0.5 * F.mse_loss(pred, target) * pred.shape[1]",
    "mean_over_keypoints": "squared.sum(dim=(2, 3)).mean()",
    "mean_over_pixels": "squared.mean(dim=(2, 3)).sum(dim=1).mean()",
    "mean_over_pixels.per_row": "squared.mean(dim=3).sum(dim=(1, 2)).mean()",
    "sum_over_the_batch": "squared.sum()",
    "one_loss_each": "each",
    "one_loss_each.map": "squared.sum(dim=(2, 3))",
    "divides_by_something_else": "squared.sum() / pred.shape[1]",
    "divides_by_something_else.pixels": "squared.sum() / pred[0, 0].numel()",
    "divides_by_something_else.width": "squared.sum() / pred.shape[3]",
    "halved": "each.mean() / 2",
    "root_of_each_map": "torch.linalg.vector_norm(pred - target, dim=(2, 3)).sum(dim=1).mean()",
    "root_of_each_map.mean": "torch.linalg.vector_norm(pred - target, dim=(2, 3)).mean()",
    "root_of_the_loss": "each.mean().sqrt()",
    "root_of_the_loss.per_image": "each.sqrt().mean()",
    "root_of_the_loss.everything": "torch.linalg.vector_norm(pred - target)",
    "root_of_the_loss.mean": "F.mse_loss(pred, target).sqrt()",
    "l1_distance": "(pred - target).abs().sum(dim=(1, 2, 3)).mean()",
    "l1_distance.mean": "F.l1_loss(pred, target)",
    "adds_instead_of_subtracting": "(pred + target).square().sum(dim=(1, 2, 3)).mean()",
    "smooth_l1": "F.smooth_l1_loss(pred, target, reduction='sum') / len(pred)",
    "smooth_l1.mean": "F.smooth_l1_loss(pred, target)",
    "smooth_l1.huber": "F.huber_loss(pred, target, reduction='sum') / len(pred)",
    "cross_entropy": "F.binary_cross_entropy_with_logits(pred, target)",
    "cross_entropy.summed": "F.binary_cross_entropy_with_logits(pred, target, reduction='sum') / len(pred)",
    "cross_entropy.of_pixels": "F.cross_entropy(pred.flatten(0, 1).flatten(1), target.flatten(0, 1).flatten(1))",
    "cross_entropy.of_probabilities": "F.binary_cross_entropy(pred, target)",
    "spectral_norm": "torch.linalg.matrix_norm(pred - target, ord=2).square().sum(dim=1).mean()",
    "cross_entropy.divergence": "F.kl_div(pred.flatten(2).log_softmax(-1), target.flatten(2), reduction='batchmean')",
    "cross_entropy.soft": "-(target * pred.flatten(2).log_softmax(-1).view_as(pred)).sum(dim=(1, 2, 3)).mean()",
    "square_of_the_sum.of_norms": "torch.linalg.vector_norm(pred - target, dim=(2, 3)).sum(dim=1).square().mean()",
    "square_of_the_sum": "(pred - target).sum(dim=(2, 3)).square().sum(dim=1).mean()",
    "square_of_the_sum.over_keypoints": "(pred - target).sum(dim=1).square().sum(dim=(1, 2)).mean()",
    "ignores_background": "(squared * (target > 0)).sum(dim=(1, 2, 3)).mean()",
    "ignores_background.weighted": "(squared * target).sum(dim=(1, 2, 3)).mean()",
    "ignores_background.emphasised": "(squared * (1 + target)).sum(dim=(1, 2, 3)).mean()",
    "ignores_background.empty_maps": "(squared * (target.amax((2, 3), keepdim=True) > 0)).sum(dim=(1, 2, 3)).mean()",
    "activates_pred": "_loss(pred.sigmoid(), target)",
    "activates_pred.softmax": "_loss(pred.flatten(2).softmax(dim=-1).view_as(pred), target)",
    "activates_pred.relu": "_loss(pred.relu(), target)",
    "activates_pred.clamp": "_loss(pred.clamp(0, 1), target)",
    "activates_pred.tanh": "_loss(pred.tanh(), target)",
    "not_attached": "_loss(pred.detach(), target)",
    "not_attached.gradient_by_a_hook": loss_not_attached__gradient_by_a_hook,
    "not_attached.number": "torch.tensor(squared.sum().item() / len(pred))",
    "needs_numpy": "torch.tensor(((pred.numpy() - target.numpy()) ** 2).sum(axis=(1, 2, 3)).mean())",
    "nan_gradient": "(squared.sum(dim=(2, 3)).sqrt() ** 2).sum(dim=1).mean()",
    "nan_gradient.of_the_batch": "squared.sum().sqrt() ** 2 / len(pred)",
    "changes_its_arguments": loss_changes_its_arguments,
    "changes_its_arguments.pred": loss_changes_its_arguments__pred,
}


KNOWN_WRONG: dict[str, dict[str, object]] = {
    "gaussian_scoremaps": answers("keypoints, visible, size, sigma", MAPS, globals(), MAPS_GIVEN),
    "scoremap_loss": answers("pred, target", LOSS, globals(), LOSS_GIVEN),
}
