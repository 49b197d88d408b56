"""What is wrong with the people of an answer, told from the people themselves.

Known wrong versions explain an answer that makes one mistake in a known way. Here it is enough to see which peaks each
person holds: one that is on two people, one that is nobody's, or somebody in two pieces, whatever the reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["everybody_is_alone", "mistake_in"]

NEAR = 1e-4  # pixels and scores: two peaks are one
FEW = 2  # keypoints: whoever drops "small" people drops these at least

Peak = tuple[int, int]  # the keypoint, and the number of the peak in its list
Person = frozenset[Peak]


def everybody_is_alone(people: Tensor) -> bool:
    """Return whether no person (N, K, 3) has two keypoints, or nobody is there."""
    return bool(((people != 0).any(dim=2).sum(dim=1) <= 1).all())


def mistake_in(people: Tensor, right: Tensor, peaks: Sequence[Tensor]) -> str | None:
    """Return the mistake that people (N, K, 3) show by themselves, None if none that is known.

    Args:
        right: the right ones (M, K, 3).
        peaks: those (N_k, 3) that were given for each keypoint.
    """
    if not len(people):
        return "nobody" if len(right) else None
    if people.isnan().any() or not len(right):
        return None
    found, wanted = _people(people, peaks), _people(right, peaks)
    if found is None or wanted is None:
        return _of_strangers(people, peaks)
    if (people == 0).all(dim=2).all(dim=1).any():
        return "zero_rows"
    times = Counter(peak for person in found for peak in person)
    if max(times.values()) > 1:
        return "peak_on_two_people"
    missing = [person for person in wanted if not any(peak in times for peak in person)]
    if {peak for person in wanted for peak in person} - times.keys():
        return _of_missing(found, wanted, missing, times)
    if everybody_is_alone(people):
        return "nobody_linked"
    return _of_pieces(found, wanted)


def _people(people: Tensor, peaks: Sequence[Tensor]) -> list[Person] | None:
    """Return the peaks of each person, None where a keypoint is no peak of its kind."""
    found = []
    for person in people.double():
        held = set()
        for k, keypoint in enumerate(person):
            if not keypoint.any():
                continue
            same = ((peaks[k].double() - keypoint).abs() < NEAR).all(dim=1).nonzero()
            if not len(same):
                return None
            held.add((k, int(same[0])))
        found.append(frozenset(held))
    return found


def _of_strangers(people: Tensor, peaks: Sequence[Tensor]) -> str | None:
    """Return why there are keypoints that are no peaks of their kind, if one reason explains all of them."""
    everything = torch.cat(list(peaks)).double()
    reasons: list[set[str]] = []
    for n, k in (people != 0).any(dim=2).nonzero().tolist():
        keypoint, own = people[n, k].double(), peaks[k].double()
        if (own - keypoint).abs().amax(dim=1).lt(NEAR).any():
            continue
        x_y = (own[:, :2] - keypoint[:2]).abs().amax(dim=1)
        explained = {
            "x_and_y_exchanged": bool(((own[:, [1, 0, 2]] - keypoint).abs().amax(dim=1) < NEAR).any()),
            "score_lost": bool((x_y < NEAR).any()),
            "other_keypoint": bool(((everything - keypoint).abs().amax(dim=1) < NEAR).any()),
            "rounded_places": bool((((own[:, 2] - keypoint[2]).abs() < NEAR) & (x_y < 1)).any()),
        }
        reasons.append({reason for reason, holds in explained.items() if holds})
    return next((r for r in ORDER if reasons and all(r in other for other in reasons)), None)


ORDER = ("score_lost", "x_and_y_exchanged", "other_keypoint", "rounded_places")


def _of_missing(
    found: Sequence[Person], wanted: Sequence[Person], missing: Sequence[Person], times: Counter[Peak]
) -> str | None:
    """Return why some peaks are nobody's; `missing` are the right people of whom no peak is there."""
    lost = {peak for person in wanted for peak in person} - times.keys()
    if lost == {peak for person in missing for peak in person}:
        sizes = [len(person) for person in missing]
        if max(sizes) == 1 < len(sizes):
            return "lonely_peaks_dropped"
        smallest_kept = min(len(person) for person in found)
        if 1 < max(sizes) <= FEW and max(sizes) < smallest_kept:
            return "small_people_dropped"
    replaced = [_has_another(found, owner, k) for owner in wanted for k, i in owner if (k, i) in lost]
    if len(lost) <= len(found) and all(replaced):
        return "second_keypoint_overwrites"
    return "peaks_left_out" if _all_within(found, wanted) and len(lost) > 1 else _mixed_up(found, wanted)


def _has_another(found: Sequence[Person], owner: Person, k: int) -> bool:
    """Return whether a person with peaks of `owner` has some keypoint of this kind."""
    return any(person & owner and any(kind == k for kind, _ in person) for person in found)


def _of_pieces(found: Sequence[Person], wanted: Sequence[Person]) -> str | None:
    """Return how people who hold each peak once differ from the right ones."""
    if _all_within(found, wanted):
        return "in_pieces"
    return "unclear_links" if _all_within(wanted, found) else _mixed_up(found, wanted)


def _all_within(parts: Sequence[Person], people: Sequence[Person]) -> bool:
    return all(any(part <= person for person in people) for part in parts)


def _mixed_up(found: Sequence[Person], wanted: Sequence[Person]) -> str | None:
    """Return whether somebody holds peaks of two people, and neither of these is whole."""
    halves = [[person & owner for owner in wanted if person & owner and person & owner != owner] for person in found]
    return "mixed_up" if any(len(of_one) > 1 for of_one in halves) else None
