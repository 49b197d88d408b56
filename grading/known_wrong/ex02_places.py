"""Known wrong answers to exercise 2's questions about places in score maps."""

from __future__ import annotations

import torch

from grading.known_wrong.table import answers

__all__ = ["KNOWN_WRONG"]


# argmax_decode


def _index(scoremaps):
    return scoremaps.flatten(2).argmax(dim=-1)


def _stacked(scoremaps, x, y):
    return torch.stack([x, y], dim=-1).to(scoremaps.dtype)


def _places(scoremaps, index):
    width = scoremaps.shape[-1]
    return _stacked(scoremaps, index % width, index // width)


def _decoded(scoremaps):
    return _places(scoremaps, _index(scoremaps))


def decode_averages_tied_places(scoremaps):
    return torch.stack(
        [torch.stack([(m == m.max()).nonzero().flip(-1).to(m.dtype).mean(dim=0) for m in maps]) for maps in scoremaps]
    )


def _decoded_by_loops(scoremaps, lowest):
    """Look for a higher score than the highest so far, which is `lowest` at first."""
    places = scoremaps.new_zeros(*scoremaps.shape[:2], 2)
    for b, k in torch.cartesian_prod(*map(torch.arange, scoremaps.shape[:2])).tolist():
        best = lowest
        for y, row in enumerate(scoremaps[b, k].tolist()):
            for x, score in enumerate(row):
                if score > best:
                    best, places[b, k] = score, scoremaps.new_tensor([x, y])
    return places


def decode_assumes_positive__first_best(scoremaps):
    return _decoded_by_loops(scoremaps, 0.0)


def decode_assumes_positive__best_of_minus_thousand(scoremaps):
    return _decoded_by_loops(scoremaps, -999.0)


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


def decode_changes_its_arguments(scoremaps):
    places = _decoded(scoremaps)
    scoremaps -= scoremaps.amax(dim=(2, 3), keepdim=True)
    return places


DECODE_GIVEN = {
    "height, width": "scoremaps.shape[-2:]",
    "index": "_index(scoremaps)",
    "places": "_decoded(scoremaps)",
    "of_image": "scoremaps.flatten(1).argmax(dim=-1)",
    "of_all": "scoremaps.argmax()",
    "pixels": "scoremaps[0, 0].numel()",
    "shape": "(*scoremaps.shape[:2], 2)",
    "highest": "scoremaps == scoremaps.amax(dim=(2, 3), keepdim=True)",
    "positive": "(scoremaps.amax(dim=(2, 3)) > 0)[..., None]",
}

DECODE = {
    "float32_only": "places.float()",
    "x_y_swapped": "places.flip(-1)",
    "divides_by_height": "_stacked(scoremaps, index % height, index // height)",
    "divides_by_height.and_swaps": "_stacked(scoremaps, index // height, index % height)",
    "divides_by_height.quotient_only": "_stacked(scoremaps, index % width, index // height)",
    "divides_by_height.remainder_only": "_stacked(scoremaps, index % height, index // width)",
    "transposed_order": "_places(scoremaps, scoremaps.transpose(-1, -2).flatten(2).argmax(dim=-1))",
    "fraction_of_a_row": "_stacked(scoremaps, index % width, index / width)",
    "fraction_of_a_row.rounded": "_stacked(scoremaps, index % width, (index / width).round())",
    "flat_index": "index",
    "flat_index.as_float": "index.to(scoremaps.dtype)",
    "one_place_for_the_batch": "_places(scoremaps, of_all % pixels).expand(shape)",
    "one_place_for_the_batch.beyond_the_map": "_places(scoremaps, of_all).expand(shape)",
    "one_place_for_the_batch.one_answer": "_places(scoremaps, of_all)",
    "one_place_per_image": "_places(scoremaps, of_image % pixels)[:, None].expand(shape)",
    "one_place_per_image.beyond_the_map": "_places(scoremaps, of_image)[:, None].expand(shape)",
    "one_place_per_image.one_answer": "_places(scoremaps, of_image)",
    "one_axis_only": "scoremaps.argmax(dim=-1)",
    "one_axis_only.rows": "scoremaps.argmax(dim=-2)",
    "one_axis_only.each": "_stacked(scoremaps, scoremaps.argmax(dim=3)[..., 0], scoremaps.argmax(dim=2)[..., 0])",
    "scores_returned": "scoremaps.amax(dim=(2, 3))",
    "scores_returned.with_places": "torch.cat([places, scoremaps.amax(dim=(2, 3))[..., None]], dim=-1)",
    "scores_returned.pair": "(places, scoremaps.amax(dim=(2, 3)))",
    "lowest_score": "_decoded(-scoremaps)",
    "absolute_scores": "_places(scoremaps, _index(scoremaps.abs()))",
    "squashed_first": "_decoded(scoremaps.sigmoid())",
    "squashed_first.clamp": "_decoded(scoremaps.clamp(0, 1))",
    "squashed_first.tanh": "_decoded(scoremaps.tanh())",
    "argmax_of_sums": "_stacked(scoremaps, scoremaps.sum(dim=2).argmax(-1), scoremaps.sum(dim=3).argmax(-1))",
    "mixes_tied_places": "_stacked(scoremaps, scoremaps.amax(dim=2).argmax(-1), scoremaps.amax(dim=3).argmax(-1))",
    "averages_tied_places": decode_averages_tied_places,
    "several_answers": "highest.nonzero()[:, [3, 2]].view(shape).to(scoremaps.dtype)",
    "several_answers.all_rows": "highest.nonzero()[:, [3, 2]].to(scoremaps.dtype)",
    "several_answers.of_the_batch": "(scoremaps == scoremaps.max()).nonzero()[:, [3, 2]].to(scoremaps.dtype)",
    "assumes_positive": "places * positive",
    "assumes_positive.relu": "_decoded(scoremaps.relu())",
    "assumes_positive.first_best": decode_assumes_positive__first_best,
    "assumes_positive.best_of_minus_thousand": decode_assumes_positive__best_of_minus_thousand,
    "assumes_positive.minus_one": "torch.where(positive, places, -1)",
    "expected_place": "_softargmax(scoremaps)",
    "expected_place.sharp": "_softargmax(scoremaps, 10.0)",
    "expected_place.very_sharp": "_softargmax(scoremaps, 100.0)",
    "times_stride": "8 * places",
    "times_stride.four": "4 * places",
    "times_stride.pixel_centres": "(places + 0.5) * 8 - 0.5",
    "from_one": "places + 1",
    "half_pixel": "places + 0.5",
    "half_pixel.quarter_towards_the_neighbour": decode_half_pixel__quarter_towards_the_neighbour,
    "normalised": "places / _sides(scoremaps)",
    "normalised.to_the_last_pixel": "places / (_sides(scoremaps) - 1)",
    "mixes_keypoints": "places.movedim(2, 1).reshape(shape)",
    "mixes_keypoints.axes": "places.transpose(1, 2)",
    "mixes_keypoints.images": "places.transpose(0, 1).reshape(shape)",
    "integers_returned": "places.long()",
    "changes_its_arguments": decode_changes_its_arguments,
}


# softargmax


def _grid(scoremaps):
    return torch.arange(scoremaps.shape[3]).to(scoremaps), torch.arange(scoremaps.shape[2]).to(scoremaps)


def _expected(scoremaps, p):
    """Return the places expected under the weights p (B, K, H, W)."""
    xs, ys = _grid(scoremaps)
    return torch.stack([p.sum(dim=2) @ xs, p.sum(dim=3) @ ys], dim=-1)


def _of_sum(weights):
    return weights / weights.sum(dim=(2, 3), keepdim=True)


def _probabilities(scoremaps, beta):
    return (beta * scoremaps).flatten(2).softmax(dim=-1).view_as(scoremaps)


def _softargmax(scoremaps, beta=1.0):
    return _expected(scoremaps, _probabilities(scoremaps, beta))


def _from_marginals(scoremaps, beta, over):
    """Return the places of a softmax over columns and one over rows, each summed up or the like by `over`."""
    xs, ys = _grid(scoremaps)
    columns, rows = (beta * over(scoremaps, dim=dim) for dim in (2, 3))
    return torch.stack([columns.softmax(dim=-1) @ xs, rows.softmax(dim=-1) @ ys], dim=-1)


def _kept(scores, count):
    """Return the scores of each map, flattened, with all but the `count` highest at minus infinity."""
    flat = scores.flatten(2)
    count = min(count, flat.shape[-1])
    return flat.masked_fill(flat < flat.topk(count).values[..., -1:], -torch.inf)


def _window(scoremaps, beta, radius):
    """Return the places under a softmax over the pixels about each highest score."""
    (x, y), (xs, ys) = _decoded(scoremaps)[..., None].unbind(2), _grid(scoremaps)
    near = ((xs - x).abs() <= radius)[..., None, :] & ((ys - y).abs() <= radius)[..., None]
    return _softargmax(scoremaps.masked_fill(~near, -torch.inf), beta)


def soft_top_scores_only__window(scoremaps, beta=1.0):
    return _window(scoremaps, beta, 1)


def soft_top_scores_only__window_of_two(scoremaps, beta=1.0):
    return _window(scoremaps, beta, 2)


def _over_all(scoremaps, beta, least):
    """Return the places where the maximum of all maps is subtracted, and a small number keeps 0 / 0 away."""
    weights = (beta * scoremaps - (beta * scoremaps).max()).exp()
    return _expected(scoremaps, weights / (weights.sum(dim=(2, 3), keepdim=True) + least))


def _sides(scoremaps):
    return scoremaps.new_tensor([scoremaps.shape[3], scoremaps.shape[2]])


def soft_other_default(scoremaps, beta=10.0):
    return _softargmax(scoremaps, beta)


def soft_other_default__of_a_hundred(scoremaps, beta=100.0):
    return _softargmax(scoremaps, beta)


def soft_not_attached__no_grad(scoremaps, beta=1.0):
    with torch.no_grad():
        return _softargmax(scoremaps, beta)


def soft_changes_its_arguments(scoremaps, beta=1.0):
    with torch.no_grad():
        scoremaps -= scoremaps.amax(dim=(2, 3), keepdim=True)
    return _softargmax(scoremaps, beta)


SOFT_GIVEN = {
    "scaled": "beta * scoremaps",
    "sideways": "scoremaps.transpose(2, 3).contiguous()",
    "p": "_probabilities(scoremaps, beta)",
    "flat": "_probabilities(scoremaps, beta).flatten(2) @ torch.arange(scoremaps[0, 0].numel()).to(scoremaps)",
    "highest": "scoremaps.amax(dim=(2, 3), keepdim=True)",
    "mean": "scoremaps.mean((2, 3), keepdim=True)",
    "lowest": "scoremaps.amin(dim=(2, 3), keepdim=True)",
    "weights": "scaled.exp()",
    "below_one": "(beta * (scoremaps - highest)).exp()",
    "unscaled": "_softargmax(scoremaps)",
    "of_image": "scaled.amax(dim=(1, 2, 3), keepdim=True)",
    "over_x": "_expected(scoremaps, (beta * scoremaps).softmax(dim=3))",
    "over_y": "_expected(scoremaps, (beta * scoremaps).softmax(dim=2))",
    "height, width": "scoremaps.shape[2:]",
    "places": "_softargmax(scoremaps, beta)",
    "sides": "_sides(scoremaps)",
}

SOFT = {
    "float32_only": "_softargmax(scoremaps.float(), beta)",
    "x_y_swapped": "places.flip(-1)",
    "one_axis_only.width": "over_x",
    "one_axis_only.width_averaged": "over_x / height",
    "one_axis_only.height": "over_y",
    "one_axis_only.height_averaged": "over_y / width",
    "one_axis_only.each": "torch.stack([over_x[..., 0] / height, over_y[..., 1] / width], dim=-1)",
    "one_axis_only.each_summed": "torch.stack([over_x[..., 0], over_y[..., 1]], dim=-1)",
    "one_axis_only.one_after_the_other": "_expected(scoremaps, scaled.softmax(dim=3).softmax(dim=2))",
    "softmax_of_marginals": "_from_marginals(scoremaps, beta, torch.sum)",
    "softmax_of_marginals.means": "_from_marginals(scoremaps, beta, torch.mean)",
    "softmax_of_marginals.maxima": "_from_marginals(scoremaps, beta, torch.amax)",
    "flat_index": "torch.stack([flat % width, flat // width], dim=-1)",
    "flat_index.with_fraction": "torch.stack([flat % width, flat / width], dim=-1)",
    "flat_index.rounded": "torch.stack([flat.round() % width, flat.round() // width], dim=-1)",
    "flat_index.alone": "flat",
    "top_scores_only": "_expected(scoremaps, _kept(scaled, 9).softmax(-1).view_as(scaled))",
    "top_scores_only.five": "_expected(scoremaps, _kept(scaled, 5).softmax(-1).view_as(scaled))",
    "top_scores_only.ten": "_expected(scoremaps, _kept(scaled, 10).softmax(-1).view_as(scaled))",
    "top_scores_only.two": "_expected(scoremaps, _kept(scaled, 2).softmax(-1).view_as(scaled))",
    "top_scores_only.three": "_expected(scoremaps, _kept(scaled, 3).softmax(-1).view_as(scaled))",
    "top_scores_only.four": "_expected(scoremaps, _kept(scaled, 4).softmax(-1).view_as(scaled))",
    "top_scores_only.window": soft_top_scores_only__window,
    "top_scores_only.window_of_two": soft_top_scores_only__window_of_two,
    "top_scores_only.threshold": "_expected(scoremaps, _of_sum(p * (p > 0.01)))",
    "top_scores_only.half_of_the_maximum": "_expected(scoremaps, _of_sum(p * (p > 0.5 * p.amax((2, 3), True))))",
    "row_maximum": "_expected(scoremaps, _of_sum((scaled - scaled.amax(3, keepdim=True)).exp()))",
    "row_maximum.column": "_expected(scoremaps, _of_sum((scaled - scaled.amax(2, keepdim=True)).exp()))",
    "rows_for_columns": "_expected(sideways, p.view_as(sideways))",
    "rows_for_columns.and_swapped": "_expected(sideways, p.view_as(sideways)).flip(-1)",
    "rows_for_columns.scrambled": "_expected(scoremaps, p.transpose(2, 3).reshape(p.shape))",
    "minus_in_the_exponent": "_softargmax(-scoremaps, beta)",
    "batch_softmax": "_expected(scoremaps, scaled.softmax(dim=0))",
    "keypoint_softmax": "_expected(scoremaps, scaled.softmax(dim=1))",
    "all_keypoints_together": "_expected(scoremaps, scaled.flatten(1).softmax(dim=-1).view_as(scoremaps))",
    "all_keypoints_together.all_images": "_expected(scoremaps, scaled.flatten().softmax(dim=0).view_as(scoremaps))",
    "relu_first": "_softargmax(scoremaps.relu(), beta)",
    "relu_first.absolute": "_softargmax(scoremaps.abs(), beta)",
    "sigmoid_first": "_softargmax(scoremaps.sigmoid(), beta)",
    "sigmoid_first.min_max": "_softargmax((scoremaps - lowest) / (highest - lowest), beta)",
    "sigmoid_first.by_the_maximum": "_softargmax(scoremaps / highest, beta)",
    "double_softmax": "_softargmax(_probabilities(scoremaps, 1.0), beta)",
    "double_softmax.beta_first": "_softargmax(_probabilities(scoremaps, beta), 1.0)",
    "no_exponential": "_expected(scoremaps, _of_sum(scoremaps))",
    "no_exponential.relu": "_expected(scoremaps, _of_sum(scoremaps.relu()))",
    "log_probabilities": "_expected(scoremaps, scaled.flatten(2).log_softmax(dim=-1).view_as(scoremaps))",
    "not_normalised": "_expected(scoremaps, weights)",
    "not_normalised.below_one": "_expected(scoremaps, below_one)",
    "mean_instead_of_sum": "places / scoremaps[0, 0].numel()",
    "mean_instead_of_sum.of_probabilities": "places / sides.flip(0)",
    "normalised_grid.by_the_size": "places / sides",
    "standardised": "_softargmax((scoremaps - mean) / scoremaps.std((2, 3), keepdim=True), beta)",
    "standardised.norm": "_softargmax(scoremaps / scoremaps.norm(dim=(2, 3), keepdim=True), beta)",
    "standardised.mean": "_softargmax(scoremaps / mean, beta)",
    "times_stride": "8 * places",
    "times_stride.four": "4 * places",
    "times_stride.pixel_centres": "(places + 0.5) * 8 - 0.5",
    "hard_argmax": "_decoded(scoremaps)",
    "grid_from_one": "places + 1",
    "half_pixel": "places + 0.5",
    "half_pixel.other_way": "places - 0.5",
    "normalised_grid.unit": "places / (sides - 1)",
    "normalised_grid.pixel_centres": "(places + 0.5) / sides",
    "normalised_grid.minus_one_to_one": "2 * places / (sides - 1) - 1",
    "normalised_grid.centres_about_zero": "(2 * places + 1) / sides - 1",
    "grid_of_the_other_side": "places / (sides - 1) * (sides - 1).flip(0)",
    "stretched_grid": "places / (sides - 1) * sides",
    "mixes_keypoints": "places.movedim(2, 1).reshape(*scoremaps.shape[:2], 2)",
    "mixes_keypoints.axes": "places.transpose(1, 2)",
    "mixes_keypoints.images": "places.transpose(0, 1).reshape(*scoremaps.shape[:2], 2)",
    "temperature_backwards": "_softargmax(scoremaps, 1 / beta)",
    "beta_ignored": "unscaled",
    "beta_on_probabilities": "beta * unscaled",
    "other_default": soft_other_default,
    "other_default.of_a_hundred": soft_other_default__of_a_hundred,
    "overflow": "_expected(scoremaps, _of_sum(weights))",
    "overflow.double_by_hand": "_expected(scoremaps, _of_sum(scaled.double().exp()).to(scoremaps.dtype))",
    "overflow.small_number_below": "_expected(scoremaps, weights / (weights.sum(dim=(2, 3), keepdim=True) + 1e-12))",
    "global_maximum": "_expected(scoremaps, _of_sum((beta * scoremaps - scaled.max()).exp()))",
    "global_maximum.per_image": "_expected(scoremaps, _of_sum((beta * scoremaps - of_image).exp()))",
    "global_maximum.small_number_below": "_over_all(scoremaps, beta, 1e-8)",
    "global_maximum.smaller_number_below": "_over_all(scoremaps, beta, 1e-12)",
    "global_maximum.larger_number_below": "_over_all(scoremaps, beta, 1e-6)",
    "clamps_scores.scores": "_softargmax(scoremaps.clamp(-50, 50), beta)",
    "clamps_scores.hundred": "_softargmax(scoremaps.clamp(-100, 100), beta)",
    "clamps_scores": "_softargmax(scaled.clamp(-80, 80))",
    "clamps_scores.from_above": "_expected(scoremaps, _of_sum(scaled.clamp(max=80).exp()))",
    "nan_replaced": "_expected(scoremaps, _of_sum(weights)).nan_to_num()",
    "nan_replaced.weights": "_expected(scoremaps, _of_sum(weights).nan_to_num())",
    "not_attached": "_softargmax(scoremaps.detach(), beta)",
    "not_attached.no_grad": soft_not_attached__no_grad,
    "needs_numpy": "_softargmax(torch.from_numpy(scoremaps.numpy()), beta)",
    "detached_probabilities.sum": "_expected(scoremaps, below_one / below_one.detach().sum(dim=(2, 3), keepdim=True))",
    "detached_probabilities.straight_through": "unscaled + (places - unscaled).detach()",
    "changes_its_arguments": soft_changes_its_arguments,
}


KNOWN_WRONG: dict[str, dict[str, object]] = {
    "argmax_decode": answers("scoremaps", DECODE, globals(), DECODE_GIVEN),
    "softargmax": answers("scoremaps, beta=1.0", SOFT, globals(), SOFT_GIVEN),
}
