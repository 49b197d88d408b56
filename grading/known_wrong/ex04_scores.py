"""Known wrong answers to exercise 4's `affinity_score`.

Of scores, the nearest mistake is named.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from grading.known_wrong.table import answers

__all__ = ["KNOWN_WRONG"]


# affinity_score


def _points(start, end, num_samples):
    """Return x and y (..., S) of the points on each segment."""
    share = torch.linspace(0, 1, num_samples).to(start)[:, None]
    return (start[..., None, :] + share * (end - start)[..., None, :]).unbind(dim=-1)


def _nearest(field, x, y):
    """Return the field (2, ...) at the pixels nearest to points."""
    height, width = field.shape[1:]
    return field[:, y.round().long().clamp(0, height - 1), x.round().long().clamp(0, width - 1)]


def _unit(start, end):
    return F.normalize(end - start, dim=-1)


def _components(field, start, end, num_samples):
    """Return the component of the field along each segment at each of its points, (..., S)."""
    fx, fy = _nearest(field, *_points(start, end, num_samples))
    ux, uy = _unit(start, end).unbind(dim=-1)
    return fx * ux[..., None] + fy * uy[..., None]


def _against(vectors, start, end):
    """Return the component of the mean of vectors (2, ..., S) along each segment."""
    fx, fy = vectors.mean(dim=-1)
    ux, uy = _unit(start, end).unbind(dim=-1)
    return fx * ux + fy * uy


def _sampled(field, x, y, align_corners, padding_mode="border"):
    """Return the field (2, ...) at places x, y from -1 to 1."""
    grid = torch.stack([x, y], dim=-1).reshape(1, 1, -1, 2)
    return F.grid_sample(field[None], grid, "bilinear", padding_mode, align_corners).reshape(2, *x.shape)


def at(pixels):
    """Return the text of an answer that looks the field up at these rows and columns."""
    return f"_against(field[:, {pixels}], start, end)"


def _within(field, x, y):
    height, width = field.shape[1:]
    return (x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)


def _moved_inside(field, place):
    height, width = field.shape[1:]
    return torch.stack([place[..., 0].clamp(0, width - 1), place[..., 1].clamp(0, height - 1)], dim=-1)


def score_ten_points__middles(field, start, end, num_samples=10):
    share = ((torch.arange(10) + 0.5) / 10).to(start)[:, None]
    x, y = (start[..., None, :] + share * (end - start)[..., None, :]).unbind(dim=-1)
    return _against(_nearest(field, x, y), start, end)


def score_steps_of_one_pixel(field, start, end, num_samples=10):
    """Walks one pixel for each point, whatever the length."""
    steps = torch.arange(num_samples).to(start)[:, None]
    x, y = (start[..., None, :] + steps * _unit(start, end)[..., None, :]).unbind(dim=-1)
    return _against(_nearest(field, x, y), start, end)


def score_steps_of_one_pixel__beyond_the_end(field, start, end, num_samples=10):
    """Divides by one step too few."""
    share = (torch.arange(num_samples) / max(num_samples - 2, 1)).to(start)[:, None]
    x, y = (start[..., None, :] + share * (end - start)[..., None, :]).unbind(dim=-1)
    return _against(_nearest(field, x, y), start, end)


def score_no_length_raises(field, start, end, num_samples=10):
    if (start == end).all(dim=-1).any():
        raise ZeroDivisionError("float division by zero")
    return _components(field, start, end, num_samples).mean(dim=-1)


def score_rows_only(field, start, end, num_samples=10):
    """Expects start and end of shape (n, 2)."""
    n, _ = start.shape
    share = torch.linspace(0, 1, num_samples).to(start).view(1, num_samples, 1)
    places = start.view(n, 1, 2) + share * (end - start).view(n, 1, 2)
    return _against(_nearest(field, *places.unbind(dim=-1)), start, end)


def score_rows_only__loop(field, start, end, num_samples=10):
    ways = zip(start, end, strict=True)
    return torch.stack([_components(field, a, b, num_samples).mean() for a, b in ways])


def score_one_number(field, start, end, num_samples=10):
    """Takes start and end for one point each, and the score for a number."""
    return float(_components(field, start, end, num_samples).mean(dim=-1))


def score_rows_only__first_pair(field, start, end, num_samples=10):
    shape = torch.broadcast_shapes(start.shape, end.shape)[:-1]
    start, end = start.reshape(-1, 2), end.reshape(-1, 2)
    score = _components(field, start[:1], end[:1], num_samples).mean(dim=-1) if len(start) and len(end) else 0.0
    return field.new_zeros(shape) + score


def score_same_shapes_only(field, start, end, num_samples=10):
    ways = zip(start.reshape(-1, 2), end.reshape(-1, 2), strict=False)
    scores = [_components(field, a, b, num_samples).mean() for a, b in ways]
    return torch.stack(scores).view(start.shape[:-1]) if scores else field.new_zeros(start.shape[:-1])


def score_none_raises(field, start, end, num_samples=10):
    shape = torch.broadcast_shapes(start.shape, end.shape)
    ways = zip(start.expand(shape).reshape(-1, 2), end.expand(shape).reshape(-1, 2), strict=True)
    return torch.stack([_components(field, a, b, num_samples).mean() for a, b in ways]).view(shape[:-1])


def score_changes_its_arguments(field, start, end, num_samples=10):
    score = _components(field, start, end, num_samples).mean(dim=-1)
    end -= start if start.shape == end.shape else 1
    return score


def score_changes_its_arguments__clamped(field, start, end, num_samples=10):
    score = _components(field, start, end, num_samples).mean(dim=-1)
    start[..., 0].clamp_(0, field.shape[2] - 1)
    end[..., 0].clamp_(0, field.shape[2] - 1)
    return score


def score_changes_its_arguments__field(field, start, end, num_samples=10):
    field /= field.norm(dim=0).clamp(min=1e-9)
    return _components(field, start, end, num_samples).mean(dim=-1)


SCORES_GIVEN = {
    "height, width": "field.shape[1:]",
    "last_x, last_y": "width - 1, height - 1",
    "points": "_points(start, end, num_samples)",
    "x, y": "points",
    "column": "x.round().long()",
    "row": "y.round().long()",
    "vectors": "_nearest(field, x, y)",
    "fx, fy": "vectors.mean(dim=-1)",
    "mean": "vectors.mean(dim=-1).movedim(0, -1)",
    "ux, uy": "_unit(start, end).unbind(dim=-1)",
    "share_x, share_y": "2 * x / width - 1, 2 * y / height - 1",
    "edge_x, edge_y": "(2 * x + 1) / width - 1, (2 * y + 1) / height - 1",
    "way": "end - start",
    "vx, vy": "way.unbind(dim=-1)",
    "dot": "fx * vx + fy * vy",
    "length": "way.norm(dim=-1)",
    "apart": "(start != end).any(dim=-1)",
    "along": "_components(field, start, end, num_samples)",
    "score": "along.mean(dim=-1)",
    "within": "_within(field, x, y)",
    "start_inside": "_moved_inside(field, start)",
    "end_inside": "_moved_inside(field, end)",
    "points_inside": "_points(start_inside, end_inside, num_samples)",
}


SCORES = {
    "ends_only": "_components(field, start, end, 2).mean(dim=-1)",
    "ends_only.start": "_components(field, start, end, 1).mean(dim=-1)",
    "ends_only.end": "_against(_nearest(field, *end.unbind(dim=-1))[..., None], start, end)",
    "middle_only": "_against(_nearest(field, *((start + end) / 2).unbind(dim=-1))[..., None], start, end)",
    "middle_only.and_ends": "_components(field, start, end, 3).mean(dim=-1)",
    "ten_points": "_components(field, start, end, 10).mean(dim=-1)",
    "ten_points.middles": score_ten_points__middles,
    "sum": "along.sum(dim=-1)",
    "sum.one_less": "along.sum(dim=-1) / (num_samples - 1)",
    # The middle one of the products.
    "median": "along.median(dim=-1).values",
    "cut_off_at_one": "score.clamp(-1, 1)",
    # As the first bottom-up papers' code: less for a long segment.
    "distance_prior": "score + (0.5 * height / length.clamp(min=1e-3) - 1).clamp(max=0)",
    "best_point": "along.amax(dim=-1)",
    "best_point.worst": "along.amin(dim=-1)",
    "share_of_good_points": "(along > 0).to(field).mean(dim=-1)",
    "steps_of_one_pixel": score_steps_of_one_pixel,
    "steps_of_one_pixel.beyond_the_end": score_steps_of_one_pixel__beyond_the_end,
    # Walks x from start to end, y from end to start.
    "x_and_y_apart": "_against(_nearest(field, x, y.flip(-1)), start, end)",
    "x_and_y_apart.row_of_the_next": "_against(_nearest(field, x, y.roll(-1, -1)), start, end)",
    "x_and_y_apart.column_of_the_next": "_against(_nearest(field, x.roll(-1, -1), y), start, end)",
    # Every x with every y, as meshgrid gives them.
    "x_and_y_apart.grid": (
        "_against(_nearest(field, *torch.broadcast_tensors(x[..., None], y[..., None, :])).flatten(-2), start, end)"
    ),
    "not_normalised": "score * length",
    "not_normalised.squared": "dot / (vx**2 + vy**2).clamp(min=1e-9)",
    "not_normalised.sum_of_components": "dot / (vx.abs() + vy.abs()).clamp(min=1e-9)",
    "not_normalised.root": "dot / length.sqrt().clamp(min=1e-6)",
    "not_normalised.one_more": "dot / (length + 1)",
    "not_normalised.length_at_least_one": "dot / length.clamp(min=1)",
    "one_length_for_all": "dot / way.norm().clamp(min=1e-9)",
    # Makes every vector of the field one of unit length.
    "cosine": "_against(F.normalize(vectors, dim=0), start, end)",
    "cosine.of_the_mean": "F.cosine_similarity(mean, way.expand_as(mean), dim=-1)",
    "unsigned": "along.abs().mean(dim=-1)",
    "unsigned.of_the_mean": "score.abs()",
    "unsigned.no_negatives": "score.clamp(min=0)",
    "unsigned.no_negative_points": "along.clamp(min=0).mean(dim=-1)",
    "unsigned.components": "fx * ux.abs() + fy * uy.abs()",
    # As that code: 0 unless most points agree.
    "unsigned.most_points_must_agree": "score * ((along > 0.05).to(field).mean(dim=-1) > 0.8)",
    # Asks how strong the field is, not where it points.
    "direction_not_asked": "vectors.norm(dim=0).mean(dim=-1) * apart",
    "direction_not_asked.mean_of_components": "vectors.mean(dim=-1).mean(dim=0) * apart",
    "reversed": "-score",
    "perpendicular": "fx * uy - fy * ux",
    "channels_swapped": "_components(field.flip(0), start, end, num_samples).mean(dim=-1)",
    "no_clamping": at("row, column"),
    "no_clamping.above_only": at("row.clamp(max=last_y), column.clamp(max=last_x)"),
    "no_clamping.below_only": at("row.clamp(min=0), column.clamp(min=0)"),
    "no_clamping.size": at("row.clamp(0, height), column.clamp(0, width)"),
    "no_clamping.wraps": at("row % height, column % width"),
    "rows_and_columns_swapped": at("column.clamp(0, last_y), row.clamp(0, last_x)"),
    "rows_and_columns_swapped.other_limits": at("column.clamp(0, last_x), row.clamp(0, last_y)"),
    "rows_and_columns_swapped.grid": (
        "_against(_sampled(field, 2 * y / last_y - 1, 2 * x / last_x - 1, True), start, end)"
    ),
    "cut_off": "_against(_nearest(field, x.floor(), y.floor()), start, end)",
    "cut_off.to_zero": "_against(_nearest(field, x.trunc(), y.trunc()), start, end)",
    "cut_off.up": "_against(_nearest(field, x.ceil(), y.ceil()), start, end)",
    # Counts from the centres of the border pixels, but samples from their outer edges.
    "half_a_pixel_off": "_against(_sampled(field, 2 * x / last_x - 1, 2 * y / last_y - 1, False), start, end)",
    "half_a_pixel_off.size": "_against(_sampled(field, share_x, share_y, False), start, end)",
    "half_a_pixel_off.aligned_size": "_against(_sampled(field, share_x, share_y, True), start, end)",
    "limits_swapped": at("row.clamp(0, last_x), column.clamp(0, last_y)"),
    "zero_outside": "_against(vectors * within, start, end)",
    "zero_outside.grid_sample": "_against(_sampled(field, edge_x, edge_y, False, 'zeros'), start, end)",
    "outside_left_out": "(along * within).sum(dim=-1) / within.sum(dim=-1).clamp(min=1)",
    "outside_left_out.whole_segment": "score * within.all(dim=-1)",
    "ends_moved_inside": "_components(field, start_inside, end_inside, num_samples).mean(dim=-1)",
    "ends_moved_inside.direction_kept": "_against(_nearest(field, *points_inside), start, end)",
    "nan_without_length": "fx * (vx / length) + fy * (vy / length)",
    "no_length_raises": score_no_length_raises,
    "no_length_is_not_zero": "torch.where(apart, score, torch.ones_like(score))",
    "no_length_is_not_zero.minus_one": "torch.where(apart, score, -torch.ones_like(score))",
    "one_length_zero_spoils_all": "score if apart.all() else torch.zeros_like(score)",
    "mean_over_all": "along.mean()",
    "mean_over_first_axis": "along.mean(dim=0)",
    "not_averaged": "along",
    "rows_only": score_rows_only,
    "rows_only.loop": score_rows_only__loop,
    "one_number": score_one_number,
    "rows_only.first_pair": score_rows_only__first_pair,
    "always_all_pairs": "_components(field, start.reshape(-1, 1, 2), end.reshape(1, -1, 2), num_samples).mean(dim=-1)",
    "same_shapes_only": score_same_shapes_only,
    "none_raises": score_none_raises,
    "dtype_lost": "score.float()",
    "dtype_lost.always_double": "_components(field.double(), start, end, num_samples).mean(dim=-1)",
    "changes_its_arguments": score_changes_its_arguments,
    "changes_its_arguments.clamped": score_changes_its_arguments__clamped,
    "changes_its_arguments.field": score_changes_its_arguments__field,
}


KNOWN_WRONG: dict[str, dict[str, object]] = {
    "affinity_score": answers("field, start, end, num_samples=10", SCORES, globals(), SCORES_GIVEN)
}
