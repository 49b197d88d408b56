"""Known wrong answers to exercise 4's `match_limbs` and `group_people`."""

from __future__ import annotations

import math

import torch

from grading.known_wrong import ex04_matching
from grading.known_wrong.table import answers

__all__ = ["KNOWN_WRONG"]


# group_people


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


def _first_matched(found):
    return _matched(sorted(found, key=lambda link: link[1:]))


def _by_number(peaks):
    most = max(len(found) for found in peaks)
    return _rows([{k: n for k, found in enumerate(peaks) if n < len(found)} for n in range(most)], peaks)


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


def _sampled_at(peaks, fields, limbs, *shares):
    return _people(peaks, fields, limbs, affinity=lambda *arguments: _affinity(*arguments, shares=torch.tensor(shares)))


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


def group_peak_on_two_people__never_taken(peaks, fields, limbs):
    """Grows a person from every peak, whoever has it already."""
    neighbours = _neighbours(_links(peaks, fields, limbs))
    return _rows([_grown([seed], neighbours)[0] for seed in _seeds(peaks)], peaks)


def group_peak_on_two_people__openpose(peaks, fields, limbs):
    """Puts a link between two people into the first, in place of what that has."""

    def meeting(people, of_a, of_b, a, b):
        if of_a.keys() & of_b.keys():
            of_a[b[0]] = b[1]
        else:
            of_a.update(of_b)
            people.remove(of_b)

    return _rows(_assembled(peaks, _links(peaks, fields, limbs), meeting), peaks)


def group_distance_prior(peaks, fields, limbs):
    """Takes off more from a limb the longer it is, as the first bottom-up papers' code does."""

    def affinity(field, start, end):
        length = (end - start).norm(dim=-1).clamp(min=1e-3)
        return _affinity(field, start, end) + (0.5 * field.shape[1] / length - 1).clamp(max=0)

    return _people(peaks, fields, limbs, affinity=affinity)


def group_peaks_left_out(peaks, fields, limbs):
    """Begins people at the starts of the first limb, and passes once over the limbs."""
    people = [{limbs[0][0]: i} for i in range(len(peaks[limbs[0][0]]))]
    for _, a, b in (link for of_limb in _links(peaks, fields, limbs) for link in of_limb):
        for person in people:
            if person.get(a[0]) == a[1]:
                person.setdefault(*b)
    return _rows(people, peaks)


def group_numbers_without_keypoints(peaks, fields, limbs):
    """Keeps the links of a peak by its number alone, not by its keypoint and number."""
    by_number = {}
    for (_, number), ways in _neighbours(_links(peaks, fields, limbs)).items():
        by_number.setdefault(number, []).extend(ways)
    every = {(k, i): by_number.get(i, []) for k, found in enumerate(peaks) for i in range(len(found))}
    return _rows(_grown(_seeds(peaks), every), peaks)


def group_unclear_links__leftovers(peaks, fields, limbs):
    """Puts together what is left over, one peak of each kind."""
    people, rest = [], []
    for person in _right(peaks, fields, limbs):
        home = next((other for other in rest if not other.keys() & person.keys()), None)
        if len(person) > 1:
            people.append(person)
        elif home is None:
            rest.append(person)
        else:
            home.update(person)
    return _rows(people + rest, peaks)


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


def group_no_direction(peaks, fields, limbs):
    """Takes the length of the vectors for their agreement."""

    def affinity(field, start, end):
        return _sampled(field.norm(dim=0, keepdim=True), start, end, torch.linspace(0, 1, 10))[0]

    return _people(peaks, fields, limbs, affinity=affinity)


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


def group_padded_with_zeros(peaks, fields, limbs):
    """Pads the lists of peaks to one length, and takes the zeros for peaks while it matches."""
    most = max(len(found) for found in peaks)
    padded = [torch.cat([found, found.new_zeros(most - len(found), 3)]) for found in peaks]
    people = _people(padded, fields, limbs)
    return people[(people != 0).any(dim=2).any(dim=1)]


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


GROUPS_GIVEN = {
    "links": "_links(peaks, fields, limbs)",
    "neighbours": "_neighbours(links)",
    "unsorted": "[(k, i) for k, found in enumerate(peaks) for i in range(len(found))]",
    "seeds": "_seeds(peaks)",
    "grown": "_right(peaks, fields, limbs)",
    "people": "_people(peaks, fields, limbs)",
    "linked": "_everything_linked(peaks, fields, limbs)",
    "in_order": "[found[found[:, 2].argsort(descending=True)] for found in peaks]",
    "places": "people[..., :2]",
    "score": "people[..., 2:]",
}

GROUPS = {
    "seeds_unsorted": "_rows(_grown(unsorted, neighbours), peaks)",
    "seeds_unsorted.least_first": "_rows(_grown(seeds[::-1], neighbours), peaks)",
    "second_keypoint_overwrites": "_rows([dict(person) for person in linked], peaks)",
    "second_keypoint_overwrites.lost": "_rows([dict(person[::-1]) for person in linked], peaks)",
    "peak_on_two_people": group_peak_on_two_people,
    "peak_on_two_people.never_taken": group_peak_on_two_people__never_taken,
    "peak_on_two_people.openpose": group_peak_on_two_people__openpose,
    "never_merged": "_rows(_assembled(peaks, links, lambda *_: None), peaks)",
    "never_merged.last_limb_wins": group_never_merged__last_limb_wins,
    "starts_looked_up_only": group_starts_looked_up_only,
    "unsigned": "_people(peaks, fields, limbs, affinity=lambda *way: _affinity(*way).abs())",
    "no_direction": group_no_direction,
    "unclear_links": "_people(peaks, fields, limbs, threshold=-math.inf)",
    "unclear_links.leftovers": group_unclear_links__leftovers,
    "unclear_links.above_zero": "_people(peaks, fields, limbs, threshold=0)",
    "unclear_links.sum": "_people(peaks, fields, limbs, affinity=lambda *way: 10 * _affinity(*way))",
    "distance_prior": group_distance_prior,
    "threshold_too_high": "_people(peaks, fields, limbs, threshold=0.7)",
    "not_a_unit_vector": group_not_a_unit_vector,
    "x_y_swapped": group_x_y_swapped,
    "x_y_swapped.clamped": group_x_y_swapped__clamped,
    "channels_swapped": "_people(peaks, fields.flip(1), limbs)",
    "outside_not_at_the_border": group_outside_not_at_the_border,
    "outside_not_at_the_border.zero": group_outside_not_at_the_border__zero,
    "nearest": group_nearest,
    "few_samples": "_sampled_at(peaks, fields, limbs, 0.5)",
    "few_samples.start": "_sampled_at(peaks, fields, limbs, 0.0)",
    "few_samples.end": "_sampled_at(peaks, fields, limbs, 1.0)",
    "few_samples.both_ends": "_sampled_at(peaks, fields, limbs, 0.0, 1.0)",
    # Takes the first pair above the threshold, not the best.
    "unsorted_matching": "_people(peaks, fields, limbs, match=_first_matched)",
    # Grows along every clear pair, not along the best for both.
    "not_matched": "_people(peaks, fields, limbs, match=lambda found: found)",
    "padded_with_zeros": group_padded_with_zeros,
    # Looks up the field by the number of the start, not of the limb.
    "field_of_the_keypoint": "_people(peaks, torch.stack([fields[a] for a, _ in limbs]), limbs)",
    "field_of_the_keypoint.modulo": "_people(peaks, torch.stack([fields[b % len(fields)] for _, b in limbs]), limbs)",
    # Takes limb l to lead from keypoint l to the next.
    "limb_for_keypoint": "_people(peaks, fields, [(n % len(peaks), (n + 1) % len(peaks)) for n in range(len(limbs))])",
    "by_index": "_by_number(peaks)",
    "by_index.sorted": "_by_number(in_order)",
    "one_person": "people[:1]",
    "nobody": "people[:0]",
    "nobody_linked": "_rows([dict([peak]) for peak in seeds], peaks)",
    # range(len(limbs) - 1)
    "in_pieces": "_people(peaks, fields[:-1], limbs[:-1])",
    "numbers_without_keypoints": group_numbers_without_keypoints,
    # Links sorted peaks, and takes their numbers for those of the peaks as they came.
    "mixed_up": "_rows(_right(in_order, fields, limbs), peaks)",
    "x_and_y_exchanged": "people[..., [1, 0, 2]]",
    "other_keypoint": "people.roll(1, dims=1)",
    "lonely_peaks_dropped": "_rows([person for person in grown if len(person) > 1], peaks)",
    "small_people_dropped": "_rows([person for person in grown if len(person) > 2], peaks)",
    "incomplete_people_dropped": "_rows([person for person in grown if len(person) == len(peaks)], peaks)",
    "missing_is_nan": "_rows(grown, peaks, math.nan)",
    "missing_is_minus_one": "_rows(grown, peaks, -1)",
    "score_lost": "torch.cat([places, (score > 0).to(people)], dim=2)",
    "score_lost.zero": "torch.cat([places, 0 * score], dim=2)",
    "score_is_the_affinity": group_score_is_the_affinity,
    "score_of_the_person": group_score_of_the_person,
    "rounded_places": "torch.cat([places.round(), score], dim=2)",
    "rounded_places.down": "torch.cat([places.floor(), score], dim=2)",
    # Walks limbs from start to end only.
    "one_way_only": "_rows(_grown(seeds, _neighbours(links, back=False)), peaks)",
    "one_link_for_each_peak": group_one_link_for_each_peak,
    "one_link_for_each_peak.first": group_one_link_for_each_peak__first,
    "order_of_limbs": group_order_of_limbs,
    "neighbours_only": group_neighbours_only,
    # Begins people at keypoint 0 only: who lacks it is lost.
    "starts_from_keypoint_0": "_rows(_grown([peak for peak in seeds if peak[0] == 0], neighbours), peaks)",
    "peaks_left_out": group_peaks_left_out,
    # Adds a row for every seed, also for those that have a person already.
    "zero_rows": "_rows(grown + [{}] * (len(seeds) - len(grown)), peaks)",
    "no_peaks_raises": "torch.stack(list(people))",
    "no_peaks_shape": "people if len(people) else torch.zeros(0, 3)",
    "no_peaks_shape.zeros": "people if len(people) else torch.zeros(1, len(peaks), 3)",
    "no_peaks_shape.none": "people if len(people) else None",
    "no_peaks_shape.empty": "people if len(people) else torch.zeros(0)",
    "seventeen_keypoints": "torch.cat([people, people.new_zeros(len(people), 17 - len(peaks), 3)], dim=1)",
    "list": "list(people)",
    "list.numbers": "grown",
    "without_score": "places",
    "float32_only": "people.float()",
    "changes_its_arguments": group_changes_its_arguments,
    "changes_its_arguments.fields": group_changes_its_arguments__fields,
    "changes_its_arguments.list": group_changes_its_arguments__list,
}


KNOWN_WRONG: dict[str, dict[str, object]] = {
    **ex04_matching.KNOWN_WRONG,
    "group_people": answers("peaks, fields, limbs", GROUPS, globals(), GROUPS_GIVEN),
}
