"""Known wrong answers to exercise 4's `match_limbs` and `group_people`, by the name that checks and feedback use.

Where several mistakes explain an answer, the first in order is named. Several wrong versions may make one mistake: its
name is what stands before the dot.
"""

from __future__ import annotations

import math

import torch
from scipy.optimize import linear_sum_assignment

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


def pairs_nan_breaks_the_order(starts, ends, scores, threshold=0.0):
    order = sorted(((s, i, j) for i, row in enumerate(scores.tolist()) for j, s in enumerate(row)), reverse=True)
    return [(i, j) for i, j in _taken_in_turn([pair for pair in order if pair[0] > threshold])]


def pairs_never_removed(starts, ends, scores, threshold=0.0):
    return [(i, int(row.argmax())) for i, row in enumerate(scores) if len(row) and row.max() > threshold]


def pairs_never_removed__best_start(starts, ends, scores, threshold=0.0):
    return [(i, j) for j, i in pairs_never_removed(ends, starts, scores.T, threshold)]


def pairs_never_removed__all_above(starts, ends, scores, threshold=0.0):
    return (scores > threshold).nonzero()


def pairs_never_removed__ends(starts, ends, scores, threshold=0.0):
    used, pairs = set(), []
    for _, i, j in _sorted(scores, threshold):
        if i not in used:
            used.add(i)
            pairs.append((i, j))
    return pairs


def pairs_never_removed__starts(starts, ends, scores, threshold=0.0):
    return [(i, j) for j, i in pairs_never_removed__ends(ends, starts, scores.T, threshold)]


def pairs_row_by_row(starts, ends, scores, threshold=0.0):
    pairs, free = [], set(range(len(ends)))
    for i, row in enumerate(scores.tolist()):
        best = max(((row[j], j) for j in free if row[j] > threshold), default=None)
        if best is not None:
            free.remove(best[1])
            pairs.append((i, best[1]))
    return pairs


def pairs_row_by_row__columns(starts, ends, scores, threshold=0.0):
    return [(i, j) for j, i in pairs_row_by_row(ends, starts, scores.T, threshold)]


def pairs_unsorted(starts, ends, scores, threshold=0.0):
    return _taken_in_turn(sorted(_sorted(scores, threshold), key=lambda pair: pair[1:]))


def pairs_ascending(starts, ends, scores, threshold=0.0):
    return _taken_in_turn(_sorted(scores, threshold)[::-1])


def pairs_optimal(starts, ends, scores, threshold=0.0):
    gain = (scores - threshold).clamp(min=0).nan_to_num(0)
    rows, columns = linear_sum_assignment(gain.numpy(), maximize=True)
    return [(i, j) for i, j in zip(rows.tolist(), columns.tolist(), strict=True) if scores[i, j] > threshold]


def pairs_optimal__all_scores(starts, ends, scores, threshold=0.0):
    rows, columns = linear_sum_assignment(scores.nan_to_num(-1e6).numpy(), maximize=True)
    return [(i, j) for i, j in zip(rows.tolist(), columns.tolist(), strict=True) if scores[i, j] > threshold]


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


def pairs_by_confidence__product(starts, ends, scores, threshold=0.0):
    return _greedy(scores * starts[:, 2:] * ends[:, 2], threshold)


def pairs_nearest(starts, ends, scores, threshold=0.0):
    away = torch.cdist(starts[:, :2], ends[:, :2]) if scores.numel() else scores
    return _taken_in_turn(sorted((float(away[i, j]), i, j) for _, i, j in _sorted(scores, threshold)))


def pairs_threshold_inclusive(starts, ends, scores, threshold=0.0):
    rows = enumerate(scores.tolist())
    found = [(s, i, j) for i, row in rows for j, s in enumerate(row) if s >= threshold]
    return _taken_in_turn(sorted(found, reverse=True))


def pairs_threshold_ignored(starts, ends, scores, threshold=0.0):
    return _greedy(scores, -math.inf)


def pairs_threshold_ignored__zero(starts, ends, scores, threshold=0.0):
    return _greedy(scores, 0.0)


def pairs_threshold_ignored__constant(starts, ends, scores, threshold=0.0):
    return _greedy(scores, 0.2)


def pairs_unsigned(starts, ends, scores, threshold=0.0):
    return _greedy(scores.abs(), threshold)


def pairs_indices_swapped(starts, ends, scores, threshold=0.0):
    return [(j, i) for i, j in _greedy(scores, threshold)]


def pairs_counted_from_one(starts, ends, scores, threshold=0.0):
    return [(i + 1, j + 1) for i, j in _greedy(scores, threshold)]


def pairs_best_only(starts, ends, scores, threshold=0.0):
    return [(i, j) for _, i, j in _sorted(scores, threshold)[:1]]


def pairs_stops_early(starts, ends, scores, threshold=0.0):
    used_starts, used_ends, pairs = set(), set(), []
    for _, i, j in _sorted(scores, threshold):
        if i in used_starts or j in used_ends:
            break
        used_starts.add(i)
        used_ends.add(j)
        pairs.append((i, j))
    return pairs


def pairs_nan_matched(starts, ends, scores, threshold=0.0):
    order, columns = scores.flatten().argsort(descending=True).tolist(), scores.shape[1]
    below = (scores <= threshold).flatten().tolist()
    return _taken_in_turn([divmod(k, columns) for k in order if not below[k]])


def pairs_nan_hides(starts, ends, scores, threshold=0.0):
    left, pairs = scores.clone(), []
    while left.numel() and left.max() > threshold:
        i, j = divmod(int(left.argmax()), left.shape[1])
        pairs.append((i, j))
        left[i], left[:, j] = -math.inf, -math.inf
    return pairs


def pairs_empty_raises(starts, ends, scores, threshold=0.0):
    left, pairs = scores.nan_to_num(-math.inf), []
    while left.max() > threshold:
        i, j = divmod(int(left.argmax()), left.shape[1])
        pairs.append((i, j))
        left[i], left[:, j] = -math.inf, -math.inf
    return pairs


def pairs_square_only(starts, ends, scores, threshold=0.0):
    found = [(float(scores[i, j]), i, j) for i in range(len(starts)) for j in range(len(starts))]
    return _taken_in_turn([pair for pair in sorted(found, reverse=True) if pair[0] > threshold])


def pairs_two_lists(starts, ends, scores, threshold=0.0):
    pairs = _greedy(scores, threshold)
    return [i for i, _ in pairs], [j for _, j in pairs]


def pairs_two_lists__tensors(starts, ends, scores, threshold=0.0):
    return tuple(torch.tensor(numbers) for numbers in pairs_two_lists(starts, ends, scores, threshold))


def pairs_two_lists__stacked(starts, ends, scores, threshold=0.0):
    return torch.tensor(_greedy(scores, threshold), dtype=torch.long).view(-1, 2).T


def pairs_with_scores(starts, ends, scores, threshold=0.0):
    return [(i, j, float(scores[i, j])) for i, j in _greedy(scores, threshold)]


def pairs_not_numbers(starts, ends, scores, threshold=0.0):
    return [(starts[i], ends[j]) for i, j in _greedy(scores, threshold)]


def pairs_not_numbers__matrix(starts, ends, scores, threshold=0.0):
    matched = torch.zeros_like(scores, dtype=torch.bool)
    for i, j in _greedy(scores, threshold):
        matched[i, j] = True
    return matched


def pairs_not_numbers__dict(starts, ends, scores, threshold=0.0):
    return dict(_greedy(scores, threshold))


def pairs_changes_its_arguments(starts, ends, scores, threshold=0.0):
    pairs = []
    scores[scores.isnan()] = -math.inf
    while scores.numel() and scores.max() > threshold:
        i, j = divmod(int(scores.argmax()), scores.shape[1])
        pairs.append((i, j))
        scores[i], scores[:, j] = -math.inf, -math.inf
    return pairs


# group_people. A peak is (keypoint, number); a link is (affinity, peak, peak).


def _sampled(field, start, end, shares, at=None):
    """Return the mean of the field at points on the way from each start to each end: (C, n, m)."""
    x, y = (start[..., None] + shares * (end - start)[..., None]).unbind(dim=-2)
    if at:
        return at(field, x, y).double().mean(dim=-1)
    x, y = _pixels(field, x, y)
    return field[:, y, x].double().mean(dim=-1)


def _pixels(field, x, y):
    return x.round().long().clamp(0, field.shape[2] - 1), y.round().long().clamp(0, field.shape[1] - 1)


def _affinity(field, start, end, shares=None, at=None):
    """Return the mean agreement of the field with the way from each start (n, 1, 2) to each end (m, 2)."""
    mean = _sampled(field, start, end, torch.linspace(0, 1, 10) if shares is None else shares, at)
    way = (end - start).double()
    return (mean.movedim(0, -1) * way).sum(dim=-1) / way.norm(dim=-1).clamp(min=1e-6)


def _all_scores(peaks, field, limb, affinity):
    """Return every (affinity, start, end) of a limb, the best first."""
    (a, b), found = limb, []
    for i, row in enumerate(affinity(field, peaks[a][:, None, :2], peaks[b][:, :2]).tolist()):
        found += [(score, (a, i), (b, j)) for j, score in enumerate(row)]
    return sorted(found, reverse=True)


def _matched(found):
    """Return the links of one limb, each peak used once."""
    used, links = set(), []
    for link in found:
        if link[1] not in used and link[2] not in used:
            used |= {link[1], link[2]}
            links.append(link)
    return links


def _links(peaks, fields, limbs, threshold=0.2, affinity=_affinity, match=_matched):
    """Return the links of every limb, as lists in a list."""
    scored = [_all_scores(peaks, field, limb, affinity) for field, limb in zip(fields, limbs, strict=True)]
    return [match([link for link in found if link[0] > threshold]) for found in scored]


def _seeds(peaks):
    """Return all peaks, the most confident first."""
    found = [(score, (k, i)) for k, rows in enumerate(peaks) for i, score in enumerate(rows[:, 2].tolist())]
    return [peak for _, peak in sorted(found, reverse=True)]


def _neighbours(links, back=True):
    """Return {peak: [(affinity, peak), ...]}, the best first."""
    found = {}
    for score, a, b in sorted((link for of_limb in links for link in of_limb), reverse=True):
        found.setdefault(a, []).append((score, b))
        if back:
            found.setdefault(b, []).append((score, a))
    return found


def _grown(seeds, neighbours):
    """Return people {keypoint: number}, grown from one seed after the other."""
    people, used = [], set()
    for seed in seeds:
        if seed in used:
            continue
        person, ways = {}, [(0, seed)]
        while ways:
            ways.sort()
            _, peak = ways.pop()
            if peak not in used and peak[0] not in person:
                used.add(peak)
                person[peak[0]] = peak[1]
                ways += neighbours.get(peak, [])
        people.append(person)
    return people


def _right(peaks, fields, limbs, **changed):
    """Return people as they are right, but for what is changed on the way to the links."""
    return _grown(_seeds(peaks), _neighbours(_links(peaks, fields, limbs, **changed)))


def _rows(people, peaks, missing=0.0):
    """Return people as (N, K, 3)."""
    table = torch.full((len(people), len(peaks), 3), missing, dtype=peaks[0].dtype)
    for row, person in zip(table, people, strict=True):
        for k, i in person.items():
            row[k] = peaks[k][i]
    return table


def _people(peaks, fields, limbs, **changed):
    return _rows(_right(peaks, fields, limbs, **changed), peaks)


def group_seeds_unsorted(peaks, fields, limbs):
    seeds = [(k, i) for k, found in enumerate(peaks) for i in range(len(found))]
    return _rows(_grown(seeds, _neighbours(_links(peaks, fields, limbs))), peaks)


def group_seeds_unsorted__least_first(peaks, fields, limbs):
    return _rows(_grown(_seeds(peaks)[::-1], _neighbours(_links(peaks, fields, limbs))), peaks)


def _everything_linked(peaks, fields, limbs):
    """Return people as all that hangs together, two keypoints of one kind included: lists of peaks."""
    neighbours, people, used = _neighbours(_links(peaks, fields, limbs)), [], set()
    for seed in _seeds(peaks):
        person, ways = [], [seed]
        while ways:
            peak = ways.pop()
            if peak not in used:
                used.add(peak)
                person.append(peak)
                ways += [other for _, other in neighbours.get(peak, [])]
        if person:
            people.append(person)
    return people


def group_second_keypoint_overwrites(peaks, fields, limbs):
    return _rows([dict(person) for person in _everything_linked(peaks, fields, limbs)], peaks)


def group_second_keypoint_overwrites__lost(peaks, fields, limbs):
    return _rows([dict(person[::-1]) for person in _everything_linked(peaks, fields, limbs)], peaks)


def group_peak_on_two_people(peaks, fields, limbs):
    """Follows the best end of each start, taken or not, and forgets which peaks are in use."""
    neighbours = _neighbours(_links(peaks, fields, limbs, match=lambda found: found), back=False)
    ends = {end for ways in neighbours.values() for _, end in ways}
    people = []
    for seed in (peak for peak in _seeds(peaks) if peak not in ends):
        person, ways = {}, [seed]
        while ways:
            peak = ways.pop()
            if peak[0] not in person:
                person[peak[0]] = peak[1]
                ways += [end for _, end in neighbours.get(peak, [])][::-1]
        people.append(person)
    return _rows(people, peaks)


def _assembled(peaks, links, meeting):
    """Return people put together link by link; `meeting` says what happens to a link between two people."""
    people = []
    for _, a, b in (link for of_limb in links for link in of_limb):
        of_a = next((person for person in people if person.get(a[0]) == a[1]), None)
        of_b = next((person for person in people if person.get(b[0]) == b[1]), None)
        if of_a is None and of_b is None:
            people.append(dict([a, b]))
        elif of_b is None:
            of_a.setdefault(*b)
        elif of_a is None:
            of_b.setdefault(*a)
        elif of_a is not of_b:
            meeting(people, of_a, of_b, a, b)
    used = {peak for person in people for peak in person.items()}
    return people + [dict([peak]) for peak in _seeds(peaks) if peak not in used]


def group_never_merged(peaks, fields, limbs):
    links = _links(peaks, fields, limbs)
    return _rows(_assembled(peaks, links, lambda *_: None), peaks)


def group_never_merged__last_limb_wins(peaks, fields, limbs):
    def meeting(people, of_a, of_b, a, b):
        del of_b[b[0]]
        of_a[b[0]] = b[1]

    return _rows([p for p in _assembled(peaks, _links(peaks, fields, limbs), meeting) if p], peaks)


def group_starts_looked_up_only(peaks, fields, limbs):
    people = []
    for _, a, b in (link for of_limb in _links(peaks, fields, limbs) for link in of_limb):
        person = next((p for p in people if p.get(a[0]) == a[1]), None)
        if person is None:
            people.append(dict([a, b]))
        else:
            person[b[0]] = b[1]
    used = {peak for person in people for peak in person.items()}
    people += [dict([peak]) for peak in _seeds(peaks) if peak not in used]
    return _rows(people, peaks)


def group_unsigned(peaks, fields, limbs):
    return _people(peaks, fields, limbs, affinity=lambda *arguments: _affinity(*arguments).abs())


def group_no_direction(peaks, fields, limbs):
    """Takes the length of the vectors for their agreement."""

    def affinity(field, start, end):
        return _sampled(field.norm(dim=0, keepdim=True), start, end, torch.linspace(0, 1, 10))[0]

    return _people(peaks, fields, limbs, affinity=affinity)


def group_unclear_links(peaks, fields, limbs):
    return _people(peaks, fields, limbs, threshold=-math.inf)


def group_unclear_links__above_zero(peaks, fields, limbs):
    return _people(peaks, fields, limbs, threshold=0)


def group_unclear_links__sum(peaks, fields, limbs):
    return _people(peaks, fields, limbs, affinity=lambda *arguments: 10 * _affinity(*arguments))


def group_threshold_too_high(peaks, fields, limbs):
    return _people(peaks, fields, limbs, threshold=0.7)


def group_not_a_unit_vector(peaks, fields, limbs):
    def affinity(field, start, end):
        return _affinity(field, start, end) * (end - start).norm(dim=-1)

    return _people(peaks, fields, limbs, affinity=affinity)


def group_x_y_swapped(peaks, fields, limbs):
    def at(field, x, y):
        x, y = _pixels(field, x, y)
        return field[:, x, y]

    return _people(peaks, fields, limbs, affinity=lambda *arguments: _affinity(*arguments, at=at))


def group_x_y_swapped__clamped(peaks, fields, limbs):
    def at(field, x, y):
        x, y = _pixels(field.transpose(1, 2), x, y)
        return field[:, x, y]

    return _people(peaks, fields, limbs, affinity=lambda *arguments: _affinity(*arguments, at=at))


def group_channels_swapped(peaks, fields, limbs):
    return _people(peaks, fields.flip(1), limbs)


def group_outside_not_at_the_border(peaks, fields, limbs):
    def at(field, x, y):
        return field[:, y.round().long(), x.round().long()]

    return _people(peaks, fields, limbs, affinity=lambda *arguments: _affinity(*arguments, at=at))


def group_outside_not_at_the_border__zero(peaks, fields, limbs):
    def at(field, x, y):
        row, column = y.round(), x.round()
        inside = (row >= 0) & (row < field.shape[1]) & (column >= 0) & (column < field.shape[2])
        column, row = _pixels(field, x, y)
        return field[:, row, column] * inside

    return _people(peaks, fields, limbs, affinity=lambda *arguments: _affinity(*arguments, at=at))


def group_nearest(peaks, fields, limbs):
    def affinity(field, start, end):
        return -(end - start).norm(dim=-1)

    return _people(peaks, fields, limbs, affinity=affinity, threshold=-math.inf)


def _sampled_at(peaks, fields, limbs, *shares):
    return _people(peaks, fields, limbs, affinity=lambda *arguments: _affinity(*arguments, shares=torch.tensor(shares)))


def group_few_samples(peaks, fields, limbs):
    return _sampled_at(peaks, fields, limbs, 0.5)


def group_few_samples__start(peaks, fields, limbs):
    return _sampled_at(peaks, fields, limbs, 0.0)


def group_few_samples__end(peaks, fields, limbs):
    return _sampled_at(peaks, fields, limbs, 1.0)


def group_few_samples__both_ends(peaks, fields, limbs):
    return _sampled_at(peaks, fields, limbs, 0.0, 1.0)


def group_unsorted_matching(peaks, fields, limbs):
    """Takes the first pair above the threshold, not the best."""

    def match(found):
        return _matched(sorted(found, key=lambda link: link[1:]))

    return _people(peaks, fields, limbs, match=match)


def group_not_matched(peaks, fields, limbs):
    """Grows along every clear pair, not along the best for both."""
    return _people(peaks, fields, limbs, match=lambda found: found)


def group_padded_with_zeros(peaks, fields, limbs):
    """Pads the lists of peaks to one length, and takes the zeros for peaks while it matches."""
    most = max(len(found) for found in peaks)
    padded = [torch.cat([found, found.new_zeros(most - len(found), 3)]) for found in peaks]
    people = _people(padded, fields, limbs)
    return people[(people != 0).any(dim=2).any(dim=1)]


def group_field_of_the_keypoint(peaks, fields, limbs):
    """Looks up the field by the number of the start, not of the limb."""
    return _people(peaks, torch.stack([fields[a] for a, _ in limbs]), limbs)


def group_field_of_the_keypoint__modulo(peaks, fields, limbs):
    return _people(peaks, torch.stack([fields[b % len(fields)] for _, b in limbs]), limbs)


def group_limb_for_keypoint(peaks, fields, limbs):
    """Takes limb l to lead from keypoint l to the next."""
    return _people(peaks, fields, [(index % len(peaks), (index + 1) % len(peaks)) for index in range(len(limbs))])


def group_by_index(peaks, fields, limbs):
    most = max(len(found) for found in peaks)
    return _rows([{k: n for k, found in enumerate(peaks) if n < len(found)} for n in range(most)], peaks)


def group_by_index__sorted(peaks, fields, limbs):
    peaks = [found[found[:, 2].argsort(descending=True)] for found in peaks]
    return group_by_index(peaks, fields, limbs)


def group_one_person(peaks, fields, limbs):
    return _people(peaks, fields, limbs)[:1]


def group_lonely_peaks_dropped(peaks, fields, limbs):
    return _rows([person for person in _right(peaks, fields, limbs) if len(person) > 1], peaks)


def group_small_people_dropped(peaks, fields, limbs):
    return _rows([person for person in _right(peaks, fields, limbs) if len(person) > 2], peaks)


def group_incomplete_people_dropped(peaks, fields, limbs):
    return _rows([person for person in _right(peaks, fields, limbs) if len(person) == len(peaks)], peaks)


def group_missing_is_nan(peaks, fields, limbs):
    return _rows(_right(peaks, fields, limbs), peaks, math.nan)


def group_missing_is_minus_one(peaks, fields, limbs):
    return _rows(_right(peaks, fields, limbs), peaks, -1)


def group_score_lost(peaks, fields, limbs):
    people = _people(peaks, fields, limbs)
    people[..., 2] = (people[..., 2] > 0).to(people)
    return people


def group_score_lost__zero(peaks, fields, limbs):
    people = _people(peaks, fields, limbs)
    people[..., 2] = 0
    return people


def group_score_is_the_affinity(peaks, fields, limbs):
    people, best = _right(peaks, fields, limbs), {}
    for score, *ends in (link for of_limb in _links(peaks, fields, limbs) for link in of_limb):
        for peak in ends:
            best[peak] = max(score, best.get(peak, 0))
    rows = _rows(people, peaks)
    for row, person in zip(rows, people, strict=True):
        for k, i in person.items():
            row[k, 2] = best.get((k, i), peaks[k][i, 2])
    return rows


def group_score_of_the_person(peaks, fields, limbs):
    people = _people(peaks, fields, limbs)
    there = people[..., 2] > 0
    mean = people[..., 2].sum(dim=1) / there.sum(dim=1)
    people[..., 2] = mean[:, None] * there
    return people


def group_rounded_places(peaks, fields, limbs):
    people = _people(peaks, fields, limbs)
    people[..., :2] = people[..., :2].round()
    return people


def group_rounded_places__down(peaks, fields, limbs):
    people = _people(peaks, fields, limbs)
    people[..., :2] = people[..., :2].floor()
    return people


def group_one_way_only(peaks, fields, limbs):
    """Walks limbs from start to end only."""
    return _rows(_grown(_seeds(peaks), _neighbours(_links(peaks, fields, limbs), back=False)), peaks)


def group_one_link_for_each_peak(peaks, fields, limbs):
    """Keeps a single link of each peak in a dict: later limbs overwrite earlier ones."""
    follow = {}
    for _, a, b in (link for of_limb in _links(peaks, fields, limbs) for link in of_limb):
        follow[a] = [(0, b)]
        follow[b] = [(0, a)]
    return _rows(_grown(_seeds(peaks), follow), peaks)


def group_one_link_for_each_peak__first(peaks, fields, limbs):
    """Stops at the first limb of a peak."""
    follow = {}
    for _, a, b in (link for of_limb in _links(peaks, fields, limbs) for link in of_limb):
        follow.setdefault(a, [(0, b)])
        follow.setdefault(b, [(0, a)])
    return _rows(_grown(_seeds(peaks), follow), peaks)


def group_order_of_limbs(peaks, fields, limbs):
    """Passes once over the limbs: what joins a person later is not looked at again."""
    links, people, used = _links(peaks, fields, limbs), [], set()
    for seed in _seeds(peaks):
        if seed in used:
            continue
        person = dict([seed])
        used.add(seed)
        for _, a, b in (link for of_limb in links for link in of_limb):
            for here, other in ((a, b), (b, a)):
                if person.get(here[0]) == here[1] and other not in used and other[0] not in person:
                    used.add(other)
                    person[other[0]] = other[1]
        people.append(person)
    return _rows(people, peaks)


def group_neighbours_only(peaks, fields, limbs):
    """Joins what is linked to the seed, and goes no further."""
    neighbours, people, used = _neighbours(_links(peaks, fields, limbs)), [], set()
    for seed in _seeds(peaks):
        if seed in used:
            continue
        person = dict([seed])
        for _, other in neighbours.get(seed, []):
            if other not in used:
                person.setdefault(*other)
        used |= set(person.items())
        people.append(person)
    return _rows(people, peaks)


def group_starts_from_keypoint_0(peaks, fields, limbs):
    """Begins people at keypoint 0 only: who lacks it is lost."""
    seeds = [peak for peak in _seeds(peaks) if peak[0] == 0]
    return _rows(_grown(seeds, _neighbours(_links(peaks, fields, limbs))), peaks)


def group_zero_rows(peaks, fields, limbs):
    """Adds a row for every seed, also for those that have a person already."""
    people = _right(peaks, fields, limbs)
    return _rows(people + [{}] * (sum(map(len, peaks)) - len(people)), peaks)


def group_no_peaks_raises(peaks, fields, limbs):
    return torch.stack(list(_people(peaks, fields, limbs)))


def group_no_peaks_shape(peaks, fields, limbs):
    people = _people(peaks, fields, limbs)
    return people if len(people) else torch.zeros(0, 3)


def group_no_peaks_shape__zeros(peaks, fields, limbs):
    people = _people(peaks, fields, limbs)
    return people if len(people) else torch.zeros(1, len(peaks), 3)


def group_no_peaks_shape__none(peaks, fields, limbs):
    people = _people(peaks, fields, limbs)
    return people if len(people) else None


def group_no_peaks_shape__empty(peaks, fields, limbs):
    people = _people(peaks, fields, limbs)
    return people if len(people) else torch.zeros(0)


def group_seventeen_keypoints(peaks, fields, limbs):
    people = _people(peaks, fields, limbs)
    rows = people.new_zeros(len(people), 17, 3)
    rows[:, : people.shape[1]] = people
    return rows


def group_list(peaks, fields, limbs):
    return list(_people(peaks, fields, limbs))


def group_list__numbers(peaks, fields, limbs):
    return _right(peaks, fields, limbs)


def group_without_score(peaks, fields, limbs):
    return _people(peaks, fields, limbs)[..., :2]


def group_float32_only(peaks, fields, limbs):
    return _people(peaks, fields, limbs).float()


def group_changes_its_arguments(peaks, fields, limbs):
    people = _people(peaks, fields, limbs)
    for found in peaks:
        found[:, 2] = -1  # used
    return people


def group_changes_its_arguments__fields(peaks, fields, limbs):
    fields[fields.abs() < 0.05] = 0
    return _people(peaks, fields, limbs)


def group_changes_its_arguments__list(peaks, fields, limbs):
    people = _people(peaks, fields, limbs)
    while peaks:
        peaks.pop()
    return people


def _named(prefix: str) -> dict[str, object]:
    """Return the functions `prefix_mistake` and `prefix_mistake__variant` as `mistake` and `mistake.variant`."""
    names = [name for name in globals() if name.startswith(prefix)]
    return {name.removeprefix(prefix).replace("__", "."): globals()[name] for name in names}


KNOWN_WRONG: dict[str, dict[str, object]] = {"match_limbs": _named("pairs_"), "group_people": _named("group_")}
