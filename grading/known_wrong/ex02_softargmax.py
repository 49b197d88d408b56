"""Known wrong answers to exercise 2: ordinary code of ordinary mistakes, by the name that checks and feedback use.

Where several mistakes explain an answer, the first in order is named. Several wrong versions may make one mistake: its
name is what stands before the dot.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from grading.known_wrong import ex02_softargmax_models

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


def _gaussian(keypoints, visible, size, sigma, first=0.0):
    dx, dy = _offsets(keypoints, size, first)
    return _masked(torch.exp(-(dx**2 + dy**2) / (2 * sigma**2)), visible)


def maps_x_y_swapped(keypoints, visible, size, sigma):
    return _gaussian(keypoints.flip(-1), visible, size, sigma)


def maps_transposed_maps(keypoints, visible, size, sigma):
    return _gaussian(keypoints, visible, size, sigma).transpose(-1, -2)


def maps_size_swapped(keypoints, visible, size, sigma):
    return _gaussian(keypoints, visible, size[::-1], sigma)


def maps_rounds_the_centre(keypoints, visible, size, sigma):
    return _gaussian(keypoints.nan_to_num().round(), visible, size, sigma)


def maps_rounds_the_centre__half_up(keypoints, visible, size, sigma):
    return _gaussian((keypoints.nan_to_num() + 0.5).floor(), visible, size, sigma)


def maps_rounds_the_centre__down(keypoints, visible, size, sigma):
    return _gaussian(keypoints.nan_to_num().floor(), visible, size, sigma)


def maps_rounds_the_centre__towards_zero(keypoints, visible, size, sigma):
    return _gaussian(keypoints.nan_to_num().trunc(), visible, size, sigma)


def maps_half_pixel(keypoints, visible, size, sigma):
    return _gaussian(keypoints, visible, size, sigma, first=0.5)


def maps_half_pixel__other_way(keypoints, visible, size, sigma):
    return _gaussian(keypoints, visible, size, sigma, first=-0.5)


def maps_grid_from_one(keypoints, visible, size, sigma):
    return _gaussian(keypoints, visible, size, sigma, first=1)


def maps_distance_not_squared(keypoints, visible, size, sigma):
    return _masked(torch.exp(-torch.hypot(*_offsets(keypoints, size)) / sigma**2), visible)


def maps_distance_not_squared__with_factor(keypoints, visible, size, sigma):
    return _masked(torch.exp(-torch.hypot(*_offsets(keypoints, size)) / (2 * sigma**2)), visible)


def maps_distance_not_squared__by_sigma(keypoints, visible, size, sigma):
    return _masked(torch.exp(-torch.hypot(*_offsets(keypoints, size)) / sigma), visible)


def maps_sigma_not_squared(keypoints, visible, size, sigma):
    return _gaussian(keypoints, visible, size, sigma**0.5)


def maps_sigma_not_squared__nor_doubled(keypoints, visible, size, sigma):
    return _gaussian(keypoints, visible, size, (sigma / 2) ** 0.5)


def maps_factor_two_missing(keypoints, visible, size, sigma):
    return _gaussian(keypoints, visible, size, sigma / 2**0.5)


def maps_factor_two_missing__squared_too(keypoints, visible, size, sigma):
    return _gaussian(keypoints, visible, size, sigma * 2**0.5)


def maps_wrong_brackets(keypoints, visible, size, sigma):
    return _gaussian(keypoints, visible, size, 1 / sigma)


def maps_one_square_for_both(keypoints, visible, size, sigma):
    dx, dy = _offsets(keypoints, size)
    return _masked(torch.exp(-((dx + dy) ** 2) / (2 * sigma**2)), visible)


def maps_one_square_for_both__x_twice(keypoints, visible, size, sigma):
    dx, dy = _offsets(keypoints, size)
    return _masked(torch.exp(-(dx**2 + dx**2 + 0 * dy) / (2 * sigma**2)), visible)


def maps_cross_instead_of_blob(keypoints, visible, size, sigma):
    dx, dy = _offsets(keypoints, size)
    return _masked(torch.exp(-(dx**2) / (2 * sigma**2)) + torch.exp(-(dy**2) / (2 * sigma**2)), visible)


def maps_normalised_to_sum_one(keypoints, visible, size, sigma):
    maps = _gaussian(keypoints, visible, size, sigma)
    return maps / maps.sum(dim=(2, 3), keepdim=True)


def maps_normalised_to_sum_one__as_a_density(keypoints, visible, size, sigma):
    return _gaussian(keypoints, visible, size, sigma) / (2 * torch.pi * sigma**2)


def maps_peak_forced_to_one(keypoints, visible, size, sigma):
    maps = _gaussian(keypoints, visible, size, sigma)
    return maps / maps.amax(dim=(2, 3), keepdim=True)


def maps_cut_off(keypoints, visible, size, sigma):
    dx, dy = _offsets(keypoints, size)
    return torch.where(torch.hypot(dx, dy) <= 3 * sigma, _gaussian(keypoints, visible, size, sigma), 0)


def maps_cut_off__as_a_square(keypoints, visible, size, sigma):
    dx, dy = _offsets(keypoints, size)
    inside = (dx.abs() <= 3 * sigma) & (dy.abs() <= 3 * sigma)
    return torch.where(inside, _gaussian(keypoints, visible, size, sigma), 0)


def maps_cut_off__small_values(keypoints, visible, size, sigma):
    maps = _gaussian(keypoints, visible, size, sigma)
    return torch.where(maps > 0.01, maps, 0)


def maps_clamped_centre(keypoints, visible, size, sigma):
    edge = keypoints.new_tensor([size[1] - 1, size[0] - 1])
    return _gaussian(torch.minimum(keypoints.nan_to_num().clamp(min=0), edge), visible, size, sigma)


def maps_drops_outside(keypoints, visible, size, sigma):
    edge = keypoints.new_tensor([size[1] - 1, size[0] - 1])
    inside = ((keypoints >= 0) & (keypoints <= edge)).all(dim=-1)
    return _gaussian(keypoints, visible & inside, size, sigma)


def maps_mixes_keypoints(keypoints, visible, size, sigma):
    return _gaussian(keypoints, visible, size, sigma).transpose(0, 1).reshape(*visible.shape, *size)


def maps_mixes_keypoints__coordinates(keypoints, visible, size, sigma):
    return _gaussian(keypoints.transpose(1, 2).reshape(keypoints.shape), visible, size, sigma)


def maps_one_map_for_all(keypoints, visible, size, sigma):
    return _gaussian(keypoints, visible, size, sigma).amax(dim=1)


def maps_one_map_for_all__kept_axis(keypoints, visible, size, sigma):
    return _gaussian(keypoints, visible, size, sigma).amax(dim=1, keepdim=True)


def maps_one_map_for_all__repeated(keypoints, visible, size, sigma):
    maps = _gaussian(keypoints, visible, size, sigma)
    return maps.amax(dim=1, keepdim=True).expand_as(maps)


def maps_blob_for_invisible(keypoints, visible, size, sigma):
    return _gaussian(keypoints, torch.ones_like(visible), size, sigma)


def maps_blob_for_invisible__in_the_corner(keypoints, visible, size, sigma):
    return _gaussian(keypoints.nan_to_num() * visible[..., None], torch.ones_like(visible), size, sigma)


def maps_blob_for_invisible__if_not_nan(keypoints, visible, size, sigma):
    return _gaussian(keypoints, keypoints.isfinite().all(dim=-1), size, sigma)


def maps_drops_image_with_invisible(keypoints, visible, size, sigma):
    return _gaussian(keypoints, visible & visible.all(dim=1, keepdim=True), size, sigma)


def maps_mask_inverted(keypoints, visible, size, sigma):
    return _gaussian(keypoints, ~visible, size, sigma)


def maps_nan_by_multiplication(keypoints, visible, size, sigma):
    xs, ys = torch.arange(size[1]).to(keypoints), torch.arange(size[0]).to(keypoints)
    x, y = keypoints[..., None, None].unbind(2)
    return _masked(torch.exp(-((xs - x) ** 2 + (ys[:, None] - y) ** 2) / (2 * sigma**2)), visible)


def maps_mask_inverted__coco_flags(keypoints, visible, size, sigma):
    return _gaussian(keypoints, visible > 1, size, sigma)


def maps_float32_only(keypoints, visible, size, sigma):
    return _gaussian(keypoints.float(), visible, size, sigma)


def maps_changes_its_arguments(keypoints, visible, size, sigma):
    keypoints[~visible] = 0
    keypoints /= sigma
    dx, dy = _offsets(keypoints * sigma, size)
    return _masked(torch.exp(-(dx**2 + dy**2) / (2 * sigma**2)), visible)


def maps_changes_its_arguments__the_invisible(keypoints, visible, size, sigma):
    keypoints[~visible] = 0
    return _gaussian(keypoints, visible, size, sigma)


# scoremap_loss


def _squared(pred, target):
    return (pred - target).square()


def loss_mean_of_everything(pred, target):
    return F.mse_loss(pred, target)


def loss_mean_over_keypoints(pred, target):
    return _squared(pred, target).sum(dim=(2, 3)).mean()


def loss_mean_over_pixels(pred, target):
    return _squared(pred, target).mean(dim=(2, 3)).sum(dim=1).mean()


def loss_sum_over_the_batch(pred, target):
    return _squared(pred, target).sum()


def loss_halved(pred, target):
    return _squared(pred, target).sum(dim=(1, 2, 3)).mean() / 2


def loss_root_of_each_map(pred, target):
    return torch.linalg.vector_norm(pred - target, dim=(2, 3)).sum(dim=1).mean()


def loss_root_of_each_map__mean(pred, target):
    return torch.linalg.vector_norm(pred - target, dim=(2, 3)).mean()


def loss_root_of_the_loss(pred, target):
    return _squared(pred, target).sum(dim=(1, 2, 3)).mean().sqrt()


def loss_root_of_the_loss__per_image(pred, target):
    return _squared(pred, target).sum(dim=(1, 2, 3)).sqrt().mean()


def loss_root_of_the_loss__everything(pred, target):
    return torch.linalg.vector_norm(pred - target)


def loss_root_of_the_loss__mean(pred, target):
    return F.mse_loss(pred, target).sqrt()


def loss_l1_distance(pred, target):
    return (pred - target).abs().sum(dim=(1, 2, 3)).mean()


def loss_l1_distance__mean(pred, target):
    return F.l1_loss(pred, target)


def loss_spectral_norm(pred, target):
    return torch.linalg.matrix_norm(pred - target, ord=2).square().sum(dim=1).mean()


def loss_square_of_the_sum(pred, target):
    return (pred - target).sum(dim=(2, 3)).square().sum(dim=1).mean()


def loss_square_of_the_sum__over_keypoints(pred, target):
    return (pred - target).sum(dim=1).square().sum(dim=(1, 2)).mean()


def loss_ignores_background(pred, target):
    return (_squared(pred, target) * (target > 0)).sum(dim=(1, 2, 3)).mean()


def loss_activates_pred(pred, target):
    return _squared(pred.sigmoid(), target).sum(dim=(1, 2, 3)).mean()


def loss_activates_pred__softmax(pred, target):
    return _squared(pred.flatten(2).softmax(dim=-1).view_as(pred), target).sum(dim=(1, 2, 3)).mean()


def loss_activates_pred__relu(pred, target):
    return _squared(pred.relu(), target).sum(dim=(1, 2, 3)).mean()


def loss_not_attached(pred, target):
    return _squared(pred.detach(), target).sum(dim=(1, 2, 3)).mean()


def loss_not_attached__number(pred, target):
    return torch.tensor(_squared(pred, target).sum().item() / len(pred))


def loss_needs_numpy(pred, target):
    return torch.tensor(((pred.numpy() - target.numpy()) ** 2).sum(axis=(1, 2, 3)).mean())


def loss_nan_gradient(pred, target):
    return (_squared(pred, target).sum(dim=(2, 3)).sqrt() ** 2).sum(dim=1).mean()


def loss_nan_gradient__of_the_batch(pred, target):
    return _squared(pred, target).sum().sqrt() ** 2 / len(pred)


def loss_float32_only(pred, target):
    return _squared(pred.float(), target.float()).sum(dim=(1, 2, 3)).mean()


def loss_changes_its_arguments(pred, target):
    with torch.no_grad():
        target.sub_(pred)
    return ((pred - (target + pred.detach())) ** 2).sum(dim=(1, 2, 3)).mean()


def loss_changes_its_arguments__pred(pred, target):
    pred.data -= target
    return pred.square().sum(dim=(1, 2, 3)).mean()


# argmax_decode


def _index(scoremaps):
    return scoremaps.flatten(2).argmax(dim=-1)


def _places(scoremaps, index):
    width = scoremaps.shape[-1]
    return torch.stack([index % width, index // width], dim=-1).to(scoremaps.dtype)


def _decoded(scoremaps):
    return _places(scoremaps, _index(scoremaps))


def decode_x_y_swapped(scoremaps):
    return _decoded(scoremaps).flip(-1)


def decode_divides_by_height(scoremaps):
    height, index = scoremaps.shape[-2], _index(scoremaps)
    return torch.stack([index % height, index // height], dim=-1).to(scoremaps.dtype)


def decode_divides_by_height__and_swaps(scoremaps):
    height, index = scoremaps.shape[-2], _index(scoremaps)
    return torch.stack([index // height, index % height], dim=-1).to(scoremaps.dtype)


def decode_divides_by_height__quotient_only(scoremaps):
    height, width = scoremaps.shape[-2:]
    index = _index(scoremaps)
    return torch.stack([index % width, index // height], dim=-1).to(scoremaps.dtype)


def decode_divides_by_height__remainder_only(scoremaps):
    height, width = scoremaps.shape[-2:]
    index = _index(scoremaps)
    return torch.stack([index % height, index // width], dim=-1).to(scoremaps.dtype)


def decode_transposed_order(scoremaps):
    return _places(scoremaps, scoremaps.transpose(-1, -2).flatten(2).argmax(dim=-1))


def decode_fraction_of_a_row(scoremaps):
    width, index = scoremaps.shape[-1], _index(scoremaps)
    return torch.stack([index % width, index / width], dim=-1).to(scoremaps.dtype)


def decode_fraction_of_a_row__rounded(scoremaps):
    width, index = scoremaps.shape[-1], _index(scoremaps)
    return torch.stack([index % width, (index / width).round()], dim=-1).to(scoremaps.dtype)


def decode_flat_index(scoremaps):
    return _index(scoremaps)


def decode_flat_index__as_float(scoremaps):
    return _index(scoremaps).to(scoremaps.dtype)


def decode_one_place_for_the_batch(scoremaps):
    index = scoremaps.argmax() % scoremaps[0, 0].numel()
    return _places(scoremaps, index).expand(*scoremaps.shape[:2], 2)


def decode_one_place_for_the_batch__beyond_the_map(scoremaps):
    return _places(scoremaps, scoremaps.argmax()).expand(*scoremaps.shape[:2], 2)


def decode_one_place_for_the_batch__one_answer(scoremaps):
    return _places(scoremaps, scoremaps.argmax())


def decode_one_place_per_image(scoremaps):
    index = scoremaps.flatten(1).argmax(dim=-1) % scoremaps[0, 0].numel()
    return _places(scoremaps, index)[:, None].expand(*scoremaps.shape[:2], 2)


def decode_one_place_per_image__beyond_the_map(scoremaps):
    return _places(scoremaps, scoremaps.flatten(1).argmax(dim=-1))[:, None].expand(*scoremaps.shape[:2], 2)


def decode_one_place_per_image__one_answer(scoremaps):
    return _places(scoremaps, scoremaps.flatten(1).argmax(dim=-1))


def decode_one_axis_only(scoremaps):
    return scoremaps.argmax(dim=-1)


def decode_one_axis_only__rows(scoremaps):
    return scoremaps.argmax(dim=-2)


def decode_lowest_score(scoremaps):
    return _decoded(-scoremaps)


def decode_absolute_scores(scoremaps):
    return _places(scoremaps, _index(scoremaps.abs()))


def decode_argmax_of_sums(scoremaps):
    x, y = scoremaps.sum(dim=2).argmax(dim=-1), scoremaps.sum(dim=3).argmax(dim=-1)
    return torch.stack([x, y], dim=-1).to(scoremaps.dtype)


def decode_mixes_tied_places(scoremaps):
    x, y = scoremaps.amax(dim=2).argmax(dim=-1), scoremaps.amax(dim=3).argmax(dim=-1)
    return torch.stack([x, y], dim=-1).to(scoremaps.dtype)


def decode_averages_tied_places(scoremaps):
    return torch.stack(
        [torch.stack([(m == m.max()).nonzero().flip(-1).to(m.dtype).mean(dim=0) for m in maps]) for maps in scoremaps]
    )


def decode_several_answers(scoremaps):
    highest = scoremaps == scoremaps.amax(dim=(2, 3), keepdim=True)
    return highest.nonzero()[:, [3, 2]].view(*scoremaps.shape[:2], 2).to(scoremaps.dtype)


def decode_several_answers__all_rows(scoremaps):
    highest = scoremaps == scoremaps.amax(dim=(2, 3), keepdim=True)
    return highest.nonzero()[:, [3, 2]].to(scoremaps.dtype)


def decode_several_answers__of_the_batch(scoremaps):
    return (scoremaps == scoremaps.max()).nonzero()[:, [3, 2]].to(scoremaps.dtype)


def decode_assumes_positive(scoremaps):
    positive = scoremaps.amax(dim=(2, 3)) > 0
    return _decoded(scoremaps) * positive[..., None]


def decode_assumes_positive__relu(scoremaps):
    return _decoded(scoremaps.relu())


def decode_assumes_positive__minus_one(scoremaps):
    positive = scoremaps.amax(dim=(2, 3)) > 0
    return torch.where(positive[..., None], _decoded(scoremaps), -1)


def decode_expected_place(scoremaps):
    return _expected(scoremaps, scoremaps.flatten(2).softmax(dim=-1).view_as(scoremaps))


def decode_from_one(scoremaps):
    return _decoded(scoremaps) + 1


def decode_half_pixel(scoremaps):
    return _decoded(scoremaps) + 0.5


def decode_half_pixel__quarter_towards_the_neighbour(scoremaps):
    places = _decoded(scoremaps)
    height, width = scoremaps.shape[-2:]
    for b, k in torch.cartesian_prod(*map(torch.arange, scoremaps.shape[:2])).tolist():
        x, y = places[b, k].int().tolist()
        if 0 < x < width - 1:
            places[b, k, 0] += 0.25 * torch.sign(scoremaps[b, k, y, x + 1] - scoremaps[b, k, y, x - 1])
        if 0 < y < height - 1:
            places[b, k, 1] += 0.25 * torch.sign(scoremaps[b, k, y + 1, x] - scoremaps[b, k, y - 1, x])
    return places


def decode_normalised(scoremaps):
    return _decoded(scoremaps) / scoremaps.new_tensor([scoremaps.shape[3], scoremaps.shape[2]])


def decode_normalised__to_the_last_pixel(scoremaps):
    return _decoded(scoremaps) / scoremaps.new_tensor([scoremaps.shape[3] - 1, scoremaps.shape[2] - 1])


def decode_mixes_keypoints(scoremaps):
    x, y = _decoded(scoremaps).unbind(-1)
    return torch.stack([x, y], dim=1).reshape(*scoremaps.shape[:2], 2)


def decode_mixes_keypoints__axes(scoremaps):
    return _decoded(scoremaps).transpose(1, 2)


def decode_mixes_keypoints__images(scoremaps):
    return _decoded(scoremaps).transpose(0, 1).reshape(*scoremaps.shape[:2], 2)


def decode_integers_returned(scoremaps):
    return _decoded(scoremaps).long()


def decode_float32_only(scoremaps):
    return _decoded(scoremaps).float()


def decode_changes_its_arguments(scoremaps):
    places = _decoded(scoremaps)
    scoremaps -= scoremaps.amax(dim=(2, 3), keepdim=True)
    return places


# softargmax


def _expected(scoremaps, p, first=0.0):
    """Return the places expected under the weights p (B, K, H, W)."""
    xs = torch.arange(scoremaps.shape[3]).to(scoremaps) + first
    ys = torch.arange(scoremaps.shape[2]).to(scoremaps) + first
    return torch.stack([p.sum(dim=2) @ xs, p.sum(dim=3) @ ys], dim=-1)


def _probabilities(scoremaps, beta):
    return (beta * scoremaps).flatten(2).softmax(dim=-1).view_as(scoremaps)


def _softargmax(scoremaps, beta=1.0):
    return _expected(scoremaps, _probabilities(scoremaps, beta))


def soft_x_y_swapped(scoremaps, beta=1.0):
    return _softargmax(scoremaps, beta).flip(-1)


def soft_one_axis_only__width(scoremaps, beta=1.0):
    return _expected(scoremaps, (beta * scoremaps).softmax(dim=3))


def soft_one_axis_only__width_averaged(scoremaps, beta=1.0):
    return _expected(scoremaps, (beta * scoremaps).softmax(dim=3)) / scoremaps.shape[2]


def soft_one_axis_only__height(scoremaps, beta=1.0):
    return _expected(scoremaps, (beta * scoremaps).softmax(dim=2))


def soft_one_axis_only__height_averaged(scoremaps, beta=1.0):
    return _expected(scoremaps, (beta * scoremaps).softmax(dim=2)) / scoremaps.shape[3]


def soft_one_axis_only__each(scoremaps, beta=1.0):
    x = _expected(scoremaps, (beta * scoremaps).softmax(dim=3))[..., 0] / scoremaps.shape[2]
    y = _expected(scoremaps, (beta * scoremaps).softmax(dim=2))[..., 1] / scoremaps.shape[3]
    return torch.stack([x, y], dim=-1)


def soft_one_axis_only__each_summed(scoremaps, beta=1.0):
    x = _expected(scoremaps, (beta * scoremaps).softmax(dim=3))[..., 0]
    y = _expected(scoremaps, (beta * scoremaps).softmax(dim=2))[..., 1]
    return torch.stack([x, y], dim=-1)


def soft_one_axis_only__one_after_the_other(scoremaps, beta=1.0):
    return _expected(scoremaps, (beta * scoremaps).softmax(dim=3).softmax(dim=2))


def _from_marginals(scoremaps, columns, rows):
    xs = torch.arange(scoremaps.shape[3]).to(scoremaps)
    ys = torch.arange(scoremaps.shape[2]).to(scoremaps)
    return torch.stack([columns.softmax(dim=-1) @ xs, rows.softmax(dim=-1) @ ys], dim=-1)


def soft_softmax_of_marginals(scoremaps, beta=1.0):
    return _from_marginals(scoremaps, beta * scoremaps.sum(dim=2), beta * scoremaps.sum(dim=3))


def soft_softmax_of_marginals__means(scoremaps, beta=1.0):
    return _from_marginals(scoremaps, beta * scoremaps.mean(dim=2), beta * scoremaps.mean(dim=3))


def soft_softmax_of_marginals__maxima(scoremaps, beta=1.0):
    return _from_marginals(scoremaps, beta * scoremaps.amax(dim=2), beta * scoremaps.amax(dim=3))


def soft_batch_softmax(scoremaps, beta=1.0):
    return _expected(scoremaps, (beta * scoremaps).softmax(dim=0))


def soft_keypoint_softmax(scoremaps, beta=1.0):
    return _expected(scoremaps, (beta * scoremaps).softmax(dim=1))


def soft_all_keypoints_together(scoremaps, beta=1.0):
    return _expected(scoremaps, (beta * scoremaps).flatten(1).softmax(dim=-1).view_as(scoremaps))


def soft_all_keypoints_together__all_images(scoremaps, beta=1.0):
    return _expected(scoremaps, (beta * scoremaps).flatten().softmax(dim=0).view_as(scoremaps))


def soft_relu_first(scoremaps, beta=1.0):
    return _softargmax(scoremaps.relu(), beta)


def soft_relu_first__absolute(scoremaps, beta=1.0):
    return _softargmax(scoremaps.abs(), beta)


def soft_sigmoid_first(scoremaps, beta=1.0):
    return _softargmax(scoremaps.sigmoid(), beta)


def soft_sigmoid_first__min_max(scoremaps, beta=1.0):
    low, high = scoremaps.amin(dim=(2, 3), keepdim=True), scoremaps.amax(dim=(2, 3), keepdim=True)
    return _softargmax((scoremaps - low) / (high - low), beta)


def soft_sigmoid_first__by_the_maximum(scoremaps, beta=1.0):
    return _softargmax(scoremaps / scoremaps.amax(dim=(2, 3), keepdim=True), beta)


def soft_double_softmax(scoremaps, beta=1.0):
    return _softargmax(_probabilities(scoremaps, 1.0), beta)


def soft_double_softmax__beta_first(scoremaps, beta=1.0):
    return _softargmax(_probabilities(scoremaps, beta), 1.0)


def soft_no_exponential(scoremaps, beta=1.0):
    return _expected(scoremaps, scoremaps / scoremaps.sum(dim=(2, 3), keepdim=True))


def soft_no_exponential__relu(scoremaps, beta=1.0):
    return _expected(scoremaps, scoremaps.relu() / scoremaps.relu().sum(dim=(2, 3), keepdim=True))


def soft_log_probabilities(scoremaps, beta=1.0):
    return _expected(scoremaps, (beta * scoremaps).flatten(2).log_softmax(dim=-1).view_as(scoremaps))


def soft_not_normalised(scoremaps, beta=1.0):
    return _expected(scoremaps, (beta * scoremaps).exp())


def soft_not_normalised__below_one(scoremaps, beta=1.0):
    return _expected(scoremaps, (beta * (scoremaps - scoremaps.amax(dim=(2, 3), keepdim=True))).exp())


def soft_mean_instead_of_sum(scoremaps, beta=1.0):
    return _softargmax(scoremaps, beta) / scoremaps[0, 0].numel()


def soft_hard_argmax(scoremaps, beta=1.0):
    return _decoded(scoremaps)


def soft_grid_from_one(scoremaps, beta=1.0):
    return _softargmax(scoremaps, beta) + 1


def soft_half_pixel(scoremaps, beta=1.0):
    return _softargmax(scoremaps, beta) + 0.5


def soft_half_pixel__other_way(scoremaps, beta=1.0):
    return _softargmax(scoremaps, beta) - 0.5


def _sides(scoremaps):
    return scoremaps.new_tensor([scoremaps.shape[3], scoremaps.shape[2]])


def soft_normalised_grid__unit(scoremaps, beta=1.0):
    return _softargmax(scoremaps, beta) / (_sides(scoremaps) - 1)


def soft_normalised_grid__by_the_size(scoremaps, beta=1.0):
    return _softargmax(scoremaps, beta) / _sides(scoremaps)


def soft_normalised_grid__pixel_centres(scoremaps, beta=1.0):
    return (_softargmax(scoremaps, beta) + 0.5) / _sides(scoremaps)


def soft_normalised_grid__minus_one_to_one(scoremaps, beta=1.0):
    return 2 * _softargmax(scoremaps, beta) / (_sides(scoremaps) - 1) - 1


def soft_normalised_grid__centres_about_zero(scoremaps, beta=1.0):
    return (2 * _softargmax(scoremaps, beta) + 1) / _sides(scoremaps) - 1


def soft_grid_of_the_other_side(scoremaps, beta=1.0):
    sides = _sides(scoremaps) - 1
    return _softargmax(scoremaps, beta) / sides * sides.flip(0)


def soft_stretched_grid(scoremaps, beta=1.0):
    return _softargmax(scoremaps, beta) / (_sides(scoremaps) - 1) * _sides(scoremaps)


def soft_mixes_keypoints(scoremaps, beta=1.0):
    x, y = _softargmax(scoremaps, beta).unbind(-1)
    return torch.stack([x, y], dim=1).reshape(*scoremaps.shape[:2], 2)


def soft_mixes_keypoints__axes(scoremaps, beta=1.0):
    return _softargmax(scoremaps, beta).transpose(1, 2)


def soft_mixes_keypoints__images(scoremaps, beta=1.0):
    return _softargmax(scoremaps, beta).transpose(0, 1).reshape(*scoremaps.shape[:2], 2)


def soft_temperature_backwards(scoremaps, beta=1.0):
    return _softargmax(scoremaps, 1 / beta)


def soft_beta_ignored(scoremaps, beta=1.0):
    return _softargmax(scoremaps)


def soft_beta_on_probabilities(scoremaps, beta=1.0):
    return beta * _softargmax(scoremaps)


def soft_other_default(scoremaps, beta=10.0):
    return _softargmax(scoremaps, beta)


def soft_other_default__of_a_hundred(scoremaps, beta=100.0):
    return _softargmax(scoremaps, beta)


def _by_hand(scoremaps, beta, shift=0.0):
    weights = (beta * scoremaps - shift).exp()
    return _expected(scoremaps, weights / weights.sum(dim=(2, 3), keepdim=True))


def soft_overflow(scoremaps, beta=1.0):
    return _by_hand(scoremaps, beta)


def soft_overflow__small_number_below(scoremaps, beta=1.0):
    weights = (beta * scoremaps).exp()
    return _expected(scoremaps, weights / (weights.sum(dim=(2, 3), keepdim=True) + 1e-12))


def soft_global_maximum(scoremaps, beta=1.0):
    return _by_hand(scoremaps, beta, (beta * scoremaps).max())


def soft_global_maximum__per_image(scoremaps, beta=1.0):
    return _by_hand(scoremaps, beta, (beta * scoremaps).amax(dim=(1, 2, 3), keepdim=True))


def soft_clamps_scores(scoremaps, beta=1.0):
    return _softargmax((beta * scoremaps).clamp(-80, 80))


def soft_clamps_scores__from_above(scoremaps, beta=1.0):
    return _by_hand((beta * scoremaps).clamp(max=80), 1.0)


def soft_nan_replaced(scoremaps, beta=1.0):
    return _by_hand(scoremaps, beta).nan_to_num()


def soft_nan_replaced__weights(scoremaps, beta=1.0):
    weights = (beta * scoremaps).exp()
    return _expected(scoremaps, (weights / weights.sum(dim=(2, 3), keepdim=True)).nan_to_num())


def soft_not_attached(scoremaps, beta=1.0):
    return _softargmax(scoremaps.detach(), beta)


def soft_not_attached__no_grad(scoremaps, beta=1.0):
    with torch.no_grad():
        return _softargmax(scoremaps, beta)


def soft_needs_numpy(scoremaps, beta=1.0):
    return _softargmax(torch.from_numpy(scoremaps.numpy()), beta)


def soft_detached_probabilities__sum(scoremaps, beta=1.0):
    weights = (beta * (scoremaps - scoremaps.amax(dim=(2, 3), keepdim=True))).exp()
    return _expected(scoremaps, weights / weights.detach().sum(dim=(2, 3), keepdim=True))


def soft_detached_probabilities__straight_through(scoremaps, beta=1.0):
    soft = _expected(scoremaps, _probabilities(scoremaps, 1.0))
    return soft + (_softargmax(scoremaps, beta) - soft).detach()


def soft_float32_only(scoremaps, beta=1.0):
    return _softargmax(scoremaps.float(), beta)


def soft_changes_its_arguments(scoremaps, beta=1.0):
    with torch.no_grad():
        scoremaps -= scoremaps.amax(dim=(2, 3), keepdim=True)
    return _softargmax(scoremaps, beta)


# lean_softargmax


def _lean(backward, forward=_softargmax):
    """Return an answer whose gradient is `backward(grad, p, xs - x, ys - y, beta, xs, ys)`."""

    class Lean(torch.autograd.Function):
        @staticmethod
        def forward(ctx, scoremaps, beta):
            ctx.save_for_backward(scoremaps)
            ctx.beta = beta
            return forward(scoremaps, beta)

        @staticmethod
        def backward(ctx, grad):
            (scoremaps,) = ctx.saved_tensors
            p = _probabilities(scoremaps, ctx.beta)
            x, y = _softargmax(scoremaps, ctx.beta)[..., None, None].unbind(2)
            xs = torch.arange(scoremaps.shape[3]).to(p)
            ys = torch.arange(scoremaps.shape[2]).to(p)[:, None]
            gx, gy = grad[..., None, None].unbind(2)
            return backward(gx, gy, p, xs - x, ys - y, ctx.beta), None

    return lambda scoremaps, beta=1.0: Lean.apply(scoremaps, beta)


def _lean_gradient(gx, gy, p, dx, dy, beta):
    return (gx * dx + gy * dy).mul_(p).mul_(beta)


def _middle(d):
    return d - d.mean(dim=(2, 3), keepdim=True)


def _from_zero(d):
    return d - d.amin(dim=(2, 3), keepdim=True)


def lean_not_attached(scoremaps, beta=1.0):
    return _softargmax(scoremaps.detach(), beta)


def lean_changes_its_arguments(scoremaps, beta=1.0):
    with torch.no_grad():
        scoremaps.sub_(scoremaps.amax(dim=(2, 3), keepdim=True))
    return _lean(_lean_gradient)(scoremaps, beta)


def lean_gradcheck__float32_inside(scoremaps, beta=1.0):
    return _softargmax(scoremaps.float(), beta).to(scoremaps.dtype)


def lean_float32_only(scoremaps, beta=1.0):
    return _softargmax(scoremaps.float(), beta)


def _named(prefix: str) -> dict[str, object]:
    """Return the functions `prefix_mistake` and `prefix_mistake__variant` as `mistake` and `mistake.variant`."""
    names = [name for name in globals() if name.startswith(prefix)]
    return {name.removeprefix(prefix).replace("__", "."): globals()[name] for name in names}


KNOWN_WRONG: dict[str, dict[str, object]] = {
    "gaussian_scoremaps": _named("maps_"),
    "scoremap_loss": _named("loss_"),
    "argmax_decode": _named("decode_"),
    "softargmax": _named("soft_"),
    "lean_softargmax": {
        "x_y_swapped": soft_x_y_swapped,
        "overflow": soft_overflow,
        "temperature_backwards": soft_temperature_backwards,
        "beta_missing_in_backward": _lean(lambda gx, gy, p, dx, dy, beta: _lean_gradient(gx, gy, p, dx, dy, 1)),
        "mean_not_subtracted": _lean(
            lambda gx, gy, p, dx, dy, beta: _lean_gradient(gx, gy, p, _from_zero(dx), _from_zero(dy), beta)
        ),
        "from_the_middle": _lean(
            lambda gx, gy, p, dx, dy, beta: _lean_gradient(gx, gy, p, _middle(dx), _middle(dy), beta)
        ),
        "gradient_of_x_only": _lean(lambda gx, gy, p, dx, dy, beta: _lean_gradient(gx, 0 * gy, p, dx, dy, beta)),
        "gradient_of_x_only.y": _lean(lambda gx, gy, p, dx, dy, beta: _lean_gradient(0 * gx, gy, p, dx, dy, beta)),
        "gradients_swapped": _lean(lambda gx, gy, p, dx, dy, beta: _lean_gradient(gy, gx, p, dx, dy, beta)),
        "ignores_incoming_gradient": _lean(lambda gx, gy, p, dx, dy, beta: _lean_gradient(1, 1, p, dx, dy, beta)),
        "sign": _lean(lambda gx, gy, p, dx, dy, beta: _lean_gradient(gx, gy, p, dx, dy, -beta)),
        "probability_missing": _lean(lambda gx, gy, p, dx, dy, beta: beta * (gx * dx + gy * dy)),
        "half_precision": _lean(
            lambda gx, gy, p, dx, dy, beta: _lean_gradient(gx, gy, p.half().to(p.dtype), dx, dy, beta)
        ),
        **_named("lean_"),
        "memory": _softargmax,
        "memory.three_maps_in_backward": _lean(
            lambda gx, gy, p, dx, dy, beta: p * (gx * dx + gy * dy) * beta  # no map in place
        ),
    },
    **ex02_softargmax_models.KNOWN_WRONG,
}
