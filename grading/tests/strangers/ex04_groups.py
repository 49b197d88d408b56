"""Strangers to exercise 4's matching, grouping and offsets."""

from __future__ import annotations

import math

import torch
from scipy.optimize import linear_sum_assignment

from grading.right_variants import styles

__all__ = ["STRANGERS"]


# match_limbs


def match_never_removed__argmax_of_rows(starts, ends, scores, threshold=0.0):
    pairs = []
    for i, row in enumerate(scores.nan_to_num(-math.inf)):
        if len(row) and row.max() > threshold:
            pairs.append((i, int(row.argmax())))
    return pairs


def match_row_by_row__first_come(starts, ends, scores, threshold=0.0):
    taken, pairs = set(), []
    for i in range(len(starts)):
        best, place = threshold, None
        for j in range(len(ends)):
            if j not in taken and scores[i, j] > best:
                best, place = scores[i, j], j
        if place is not None:
            taken.add(place)
            pairs.append((i, place))
    return pairs


def match_optimal__hungarian(starts, ends, scores, threshold=0.0):
    rows, columns = linear_sum_assignment(-scores.nan_to_num(-1e3).numpy())
    return [(i, j) for i, j in zip(rows.tolist(), columns.tolist(), strict=True) if scores[i, j] > threshold]


def match_threshold_inclusive__break_below(starts, ends, scores, threshold=0.0):
    pairs, rows, columns = [], set(), set()
    found = [(float(s), i, j) for i, row in enumerate(scores) for j, s in enumerate(row) if not s.isnan()]
    for s, i, j in sorted(found, key=lambda pair: -pair[0]):
        if s < threshold:
            break
        if i not in rows and j not in columns:
            pairs.append((i, j))
            rows.add(i)
            columns.add(j)
    return pairs


def match_threshold_ignored__positive(starts, ends, scores, threshold=0.0):
    left, pairs = scores.clone().nan_to_num(-1), []
    while left.numel() and left.max() > 0:
        i, j = divmod(int(left.argmax()), left.shape[1])
        pairs.append((i, j))
        left[i], left[:, j] = -1, -1
    return pairs


def match_ascending__sorted(starts, ends, scores, threshold=0.0):
    pairs, rows, columns = [], set(), set()
    for index in scores.flatten().argsort().tolist():
        i, j = divmod(index, scores.shape[1])
        if scores[i, j] > threshold and i not in rows and j not in columns:
            pairs.append((i, j))
            rows.add(i)
            columns.add(j)
    return pairs


def match_with_scores__triples(starts, ends, scores, threshold=0.0):
    left, pairs = scores.clone().nan_to_num(-math.inf), []
    while left.numel() and left.max() > threshold:
        i, j = divmod(int(left.argmax()), left.shape[1])
        pairs.append([i, j, float(scores[i, j])])
        left[i], left[:, j] = -math.inf, -math.inf
    return torch.tensor(pairs).view(-1, 3)


# group_people


def _affinity(field, start, end, points=10):
    """Return the mean agreement of a field with the way from one place to another."""
    way = end[:2] - start[:2]
    length = float(way.norm())
    if length == 0:
        return 0.0
    total = 0.0
    for n in range(points):
        x, y = (start[:2] + n / (points - 1) * way).tolist()
        column = min(max(round(x), 0), field.shape[2] - 1)
        row = min(max(round(y), 0), field.shape[1] - 1)
        total += float(field[:, row, column] @ (way / length))
    return total / points


def _links(peaks, fields, limbs, affinity=_affinity, least=0.2):
    """Return the matched links, limb by limb, each as (affinity, (k, i), (k, j))."""
    links = []
    for field, (a, b) in zip(fields, limbs, strict=True):
        found = [(affinity(field, s, e), i, j) for i, s in enumerate(peaks[a]) for j, e in enumerate(peaks[b])]
        starts, ends = set(), set()
        for score, i, j in sorted(found, reverse=True):
            if score > least and i not in starts and j not in ends:
                starts.add(i)
                ends.add(j)
                links.append((score, (a, i), (b, j)))
    return links


def _table(people, peaks):
    table = torch.zeros(len(people), len(peaks), 3, dtype=peaks[0].dtype)
    for row, person in zip(table, people, strict=True):
        for k, i in person.items():
            row[k] = peaks[k][i]
    return table


def _alone(people, peaks):
    used = {peak for person in people for peak in person.items()}
    return people + [{k: i} for k, found in enumerate(peaks) for i in range(len(found)) if (k, i) not in used]


def _joined(peaks, links):
    """Return people put together link by link; those that share no keypoint are merged."""
    people = []
    for _, a, b in links:
        of_a = next((p for p in people if p.get(a[0]) == a[1]), None)
        of_b = next((p for p in people if p.get(b[0]) == b[1]), None)
        if of_a is None and of_b is None:
            people.append(dict([a, b]))
        elif of_b is None:
            of_a.setdefault(*b)
        elif of_a is None:
            of_b.setdefault(*a)
        elif of_a is not of_b and not of_a.keys() & of_b.keys():
            of_a.update(of_b)
            people.remove(of_b)
    return people


def group_small_people_dropped_or_peaks_left_out_or_nobody__openpose(peaks, fields, limbs):
    """People of fewer than four parts, or of a low mean score, are deleted."""
    people = _joined(peaks, _links(peaks, fields, limbs))
    return _table([p for p in people if len(p) >= 4], peaks)


def group_lonely_peaks_dropped__linked_only(peaks, fields, limbs):
    return _table(_joined(peaks, _links(peaks, fields, limbs)), peaks)


def group_unsigned__absolute(peaks, fields, limbs):
    links = _links(peaks, fields, limbs, lambda *way: abs(_affinity(*way)))
    return _table(_alone(_joined(peaks, links), peaks), peaks)


def group_few_samples__three(peaks, fields, limbs):
    links = _links(peaks, fields, limbs, lambda *way: _affinity(*way, points=2))
    return _table(_alone(_joined(peaks, links), peaks), peaks)


def group_distance_prior_or_nobody_linked__openpose(peaks, fields, limbs):
    """A long limb is punished, as in OpenPose."""

    def affinity(field, start, end):
        length = max(float((end - start)[:2].norm()), 1e-6)
        return _affinity(field, start, end) + min(0.5 * field.shape[1] / length - 1, 0)

    return _table(_alone(_joined(peaks, _links(peaks, fields, limbs, affinity, 0.0)), peaks), peaks)


def group_threshold_too_high__all_points(peaks, fields, limbs):
    return _table(_alone(_joined(peaks, _links(peaks, fields, limbs, least=0.8)), peaks), peaks)


def group_second_keypoint_overwrites_or_peak_on_two_people__trt_pose(peaks, fields, limbs):
    people = []
    for _, (a, i), (b, j) in _links(peaks, fields, limbs):
        person = next((p for p in people if p.get(a) == i or p.get(b) == j), None)
        if person is None:
            people.append({a: i, b: j})
        else:
            person[a], person[b] = i, j
    return _table(_alone(people, peaks), peaks)


# add_offsets


def _moved(peaks, offsets, move):
    height, width = offsets.shape[2:]
    result = []
    for found, offset in zip(peaks, offsets, strict=True):
        rows = [found.new_tensor([*move(x, y, offset, height, width), s]) for x, y, s in found.tolist()]
        result.append(torch.stack(rows) if rows else found.new_zeros(0, 3))
    return result


def _pixel(x, y, height, width):
    return min(max(round(x), 0), width - 1), min(max(round(y), 0), height - 1)


def offsets_guess_kept__added(peaks, offsets):
    def move(x, y, offset, height, width):
        i, j = _pixel(x, y, height, width)
        return x + float(offset[0, j, i]), y + float(offset[1, j, i])

    return _moved(peaks, offsets, move)


def offsets_rounded_down__int(peaks, offsets):
    def move(x, y, offset, height, width):
        i, j = min(max(int(x), 0), width - 1), min(max(int(y), 0), height - 1)
        return i + float(offset[0, j, i]), j + float(offset[1, j, i])

    return _moved(peaks, offsets, move)


def offsets_channels_swapped__y_first(peaks, offsets):
    def move(x, y, offset, height, width):
        i, j = _pixel(x, y, height, width)
        dy, dx = offset[:, j, i].tolist()
        return i + dx, j + dy

    return _moved(peaks, offsets, move)


def offsets_x_y_swapped_or_wraps_around__column_first(peaks, offsets):
    def move(x, y, offset, height, width):
        i, j = _pixel(x, y, height, width)
        dx, dy = offset[:, min(i, height - 1), min(j, width - 1)].tolist()
        return i + dx, j + dy

    return _moved(peaks, offsets, move)


def offsets_kept_in_the_map__clamped(peaks, offsets):
    def move(x, y, offset, height, width):
        i, j = _pixel(x, y, height, width)
        dx, dy = offset[:, j, i].tolist()
        return min(max(i + dx, 0), width - 1), min(max(j + dy, 0), height - 1)

    return _moved(peaks, offsets, move)


def offsets_half_a_pixel_off__centres(peaks, offsets):
    def move(x, y, offset, height, width):
        i, j = _pixel(x, y, height, width)
        dx, dy = offset[:, j, i].tolist()
        return i + 0.5 + dx, j + 0.5 + dy

    return _moved(peaks, offsets, move)


STRANGERS = {
    "match_limbs": styles("match_", globals()),
    "group_people": styles("group_", globals()),
    "add_offsets": styles("offsets_", globals()),
}
