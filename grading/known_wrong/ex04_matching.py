"""Known wrong answers to exercise 4's `match_limbs`."""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment

from grading.known_wrong.table import answers

__all__ = ["KNOWN_WRONG"]


# match_limbs


def _sorted(scores, threshold):
    """Return (score, i, j) of all pairs above the threshold, the best first."""
    rows = enumerate(scores.tolist())
    return sorted(((s, i, j) for i, row in rows for j, s in enumerate(row) if s > threshold), reverse=True)


def _taken_in_turn(order):
    """Return the pairs whose candidates are both free when their turn comes."""
    used_starts, used_ends, pairs = set(), set(), []
    for *_, i, j in order:
        if i not in used_starts and j not in used_ends:
            used_starts.add(i)
            used_ends.add(j)
            pairs.append((i, j))
    return pairs


def _greedy(scores, threshold):
    return _taken_in_turn(_sorted(scores, threshold))


def _removed_in_turn(left, threshold):
    """Return the best pair, the best of what is left without its row and column, and so on."""
    pairs = []
    while left.max() > threshold:
        i, j = divmod(int(left.argmax()), left.shape[1])
        pairs.append((i, j))
        left[i], left[:, j] = -math.inf, -math.inf
    return pairs


def _optimal(gain, scores, threshold):
    rows, columns = linear_sum_assignment(gain.numpy(), maximize=True)
    return [(i, j) for i, j in zip(rows.tolist(), columns.tolist(), strict=True) if scores[i, j] > threshold]


def pairs_never_removed(starts, ends, scores, threshold=0.0):
    return [(i, int(row.argmax())) for i, row in enumerate(scores) if len(row) and row.max() > threshold]


def pairs_never_removed__ends(starts, ends, scores, threshold=0.0):
    used, pairs = set(), []
    for _, i, j in _sorted(scores, threshold):
        if i not in used:
            used.add(i)
            pairs.append((i, j))
    return pairs


def pairs_row_by_row(starts, ends, scores, threshold=0.0):
    pairs, free = [], set(range(len(ends)))
    for i, row in enumerate(scores.tolist()):
        best = max(((row[j], j) for j in free if row[j] > threshold), default=None)
        if best is not None:
            free.remove(best[1])
            pairs.append((i, best[1]))
    return pairs


def pairs_mutual_once(starts, ends, scores, threshold=0.0):
    if not scores.numel():
        return []
    known = scores.nan_to_num(-math.inf)
    best_end, best_start = known.argmax(dim=1).tolist(), known.argmax(dim=0).tolist()
    return [(i, j) for i, j in enumerate(best_end) if best_start[j] == i and scores[i, j] > threshold]


def pairs_by_confidence(starts, ends, scores, threshold=0.0):
    order = starts[:, 2].argsort(descending=True)
    return [(int(order[i]), j) for i, j in pairs_row_by_row(starts[order], ends, scores[order], threshold)]


def pairs_by_confidence__sum(starts, ends, scores, threshold=0.0):
    found = [(float(starts[i, 2] + ends[j, 2]), i, j) for _, i, j in _sorted(scores, threshold)]
    return _taken_in_turn(sorted(found, reverse=True))


def pairs_stops_early(starts, ends, scores, threshold=0.0):
    used_starts, used_ends, pairs = set(), set(), []
    for _, i, j in _sorted(scores, threshold):
        if i in used_starts or j in used_ends:
            break
        used_starts.add(i)
        used_ends.add(j)
        pairs.append((i, j))
    return pairs


def pairs_numbers_shift(starts, ends, scores, threshold=0.0):
    """Deletes the row and the column of each pair, and forgets that those behind them move up."""
    left, pairs = scores.nan_to_num(-math.inf).numpy(), []
    while left.size and left.max() > threshold:
        i, j = divmod(int(left.argmax()), left.shape[1])
        pairs.append((i, j))
        left = np.delete(np.delete(left, i, axis=0), j, axis=1)
    return pairs


def _struck_out(scores, threshold, value):
    """Return the best pair, the best after all of its row and column are `value`, and so on."""
    left, pairs = scores.nan_to_num(-math.inf), []
    for _ in range(min(left.shape)):
        i, j = divmod(int(left.argmax()), left.shape[1])
        if left[i, j] <= threshold:
            break
        pairs.append((i, j))
        left[i], left[:, j] = value, value
    return pairs


def pairs_no_such_candidate__in_turn(starts, ends, scores, threshold=0.0):
    """Takes the flat index apart with the number of starts, and strikes out what it finds there."""
    left, pairs = scores.nan_to_num(-math.inf), []
    for _ in range(min(left.shape)):
        if left.max() <= threshold:
            break
        i, j = divmod(int(left.argmax()), left.shape[0])
        pairs.append((i, j))
        left[i], left[:, j] = -math.inf, -math.inf
    return pairs


def pairs_equal_scores_lost(starts, ends, scores, threshold=0.0):
    """Keeps the pairs in a dict by their scores."""
    by_score = {score: (i, j) for score, i, j in _sorted(scores, threshold)}
    return _taken_in_turn([by_score[score] for score in sorted(by_score, reverse=True)])


def pairs_one_set(starts, ends, scores, threshold=0.0):
    """Keeps the numbers of starts and of ends in one set."""
    used, pairs = set(), []
    for _, i, j in _sorted(scores, threshold):
        if i not in used and j not in used:
            used |= {i, j}
            pairs.append((i, j))
    return pairs


def pairs_never_removed__either_free(starts, ends, scores, threshold=0.0):
    used_starts, used_ends, pairs = set(), set(), []
    for _, i, j in _sorted(scores, threshold):
        if i not in used_starts or j not in used_ends:
            used_starts.add(i)
            used_ends.add(j)
            pairs.append((i, j))
    return pairs


def pairs_nan_matched(starts, ends, scores, threshold=0.0):
    order, columns = scores.flatten().argsort(descending=True).tolist(), scores.shape[1]
    below = (scores <= threshold).flatten().tolist()
    return _taken_in_turn([divmod(k, columns) for k in order if not below[k]])


def pairs_square_only(starts, ends, scores, threshold=0.0):
    found = [(float(scores[i, j]), i, j) for i in range(len(starts)) for j in range(len(starts))]
    return _taken_in_turn([pair for pair in sorted(found, reverse=True) if pair[0] > threshold])


def pairs_not_numbers__matrix(starts, ends, scores, threshold=0.0):
    matched = torch.zeros_like(scores, dtype=torch.bool)
    for i, j in _greedy(scores, threshold):
        matched[i, j] = True
    return matched


def pairs_changes_its_arguments(starts, ends, scores, threshold=0.0):
    scores[scores.isnan()] = -math.inf
    return _removed_in_turn(scores, threshold) if scores.numel() else []


PAIRS_GIVEN = {
    "every": "[(score, i, j) for i, row in enumerate(scores.tolist()) for j, score in enumerate(row)]",
    "best_first": "sorted(every, reverse=True)",
    "away": "torch.cdist(starts[:, :2], ends[:, :2]) if scores.numel() else scores",
    "turned": "(ends, starts, scores.T, threshold)",
    "order": "_sorted(scores, threshold)",
    "pairs": "_greedy(scores, threshold)",
}

PAIRS = {
    "nan_breaks_the_order": "_taken_in_turn([pair for pair in best_first if pair[0] > threshold])",
    "never_removed": pairs_never_removed,
    "never_removed.best_start": "[(i, j) for j, i in pairs_never_removed(*turned)]",
    "never_removed.all_above": "(scores > threshold).nonzero()",
    "never_removed.ends": pairs_never_removed__ends,
    "never_removed.starts": "[(i, j) for j, i in pairs_never_removed__ends(*turned)]",
    "never_removed.either_free": pairs_never_removed__either_free,
    # As many of the best scores as there can be pairs.
    "never_removed.best_scores": "[(i, j) for _, i, j in order[: min(scores.shape)]]",
    "numbers_shift": pairs_numbers_shift,
    "struck_out_too_high": "_struck_out(scores, threshold, 0)",
    "struck_out_too_high.minus_one": "_struck_out(scores, threshold, -1)",
    "equal_scores_lost": pairs_equal_scores_lost,
    "one_set": pairs_one_set,
    "row_by_row": pairs_row_by_row,
    "row_by_row.columns": "[(i, j) for j, i in pairs_row_by_row(*turned)]",
    "unsorted": "_taken_in_turn(sorted(order, key=lambda pair: pair[1:]))",
    "ascending": "_taken_in_turn(order[::-1])",
    "optimal": "_optimal((scores - threshold).clamp(min=0).nan_to_num(0), scores, threshold)",
    "optimal.all_scores": "_optimal(scores.nan_to_num(-1e6), scores, threshold)",
    "smallest_sum": "_optimal((-scores).nan_to_num(-1e6), scores, threshold)",
    "mutual_once": pairs_mutual_once,
    "by_confidence": pairs_by_confidence,
    "by_confidence.sum": pairs_by_confidence__sum,
    "by_confidence.added": "_greedy(scores + starts[:, 2:] + ends[:, 2], threshold)",
    "by_confidence.product": "_greedy(scores * starts[:, 2:] * ends[:, 2], threshold)",
    "nearest": "_taken_in_turn(sorted((float(away[i, j]), i, j) for _, i, j in order))",
    "threshold_inclusive": "_taken_in_turn(sorted((pair for pair in every if pair[0] >= threshold), reverse=True))",
    "threshold_ignored": "_greedy(scores, -math.inf)",
    "threshold_ignored.zero": "_greedy(scores, 0.0)",
    "threshold_ignored.constant": "_greedy(scores, 0.2)",
    "unsigned": "_greedy(scores.abs(), threshold)",
    "indices_swapped": "[(j, i) for i, j in pairs]",
    "counted_from_one": "[(i + 1, j + 1) for i, j in pairs]",
    "best_only": "[(i, j) for _, i, j in order[:1]]",
    "no_pair": "[]",
    # The flat index taken apart with the number of starts.
    "no_such_candidate": "[divmod(i * scores.shape[1] + j, scores.shape[0]) for i, j in pairs]",
    "no_such_candidate.in_turn": pairs_no_such_candidate__in_turn,
    "pairs_missing": "pairs[:-1]",
    "stops_early": pairs_stops_early,
    "nan_matched": pairs_nan_matched,
    "nan_hides": "_removed_in_turn(scores.clone(), threshold) if scores.numel() else []",
    "empty_raises": "_removed_in_turn(scores.nan_to_num(-math.inf), threshold)",
    "square_only": pairs_square_only,
    "two_lists": "[i for i, _ in pairs], [j for _, j in pairs]",
    "two_lists.tensors": "torch.tensor([i for i, _ in pairs]), torch.tensor([j for _, j in pairs])",
    "two_lists.stacked": "torch.tensor(pairs, dtype=torch.long).view(-1, 2).T",
    "with_scores": "[(i, j, float(scores[i, j])) for i, j in pairs]",
    "with_scores.first": "[(float(scores[i, j]), i, j) for i, j in pairs]",
    "not_numbers": "[(starts[i], ends[j]) for i, j in pairs]",
    "not_numbers.matrix": pairs_not_numbers__matrix,
    "not_numbers.dict": "dict(pairs)",
    "changes_its_arguments": pairs_changes_its_arguments,
}


KNOWN_WRONG: dict[str, dict[str, object]] = {
    "match_limbs": answers("starts, ends, scores, threshold=0.0", PAIRS, globals(), PAIRS_GIVEN)
}
