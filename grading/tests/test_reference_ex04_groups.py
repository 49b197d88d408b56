"""The reference answers `match_limbs` and `group_people`: numbers by hand, SciPy and exhaustive search, invariants."""

import itertools
import math
import time

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment

from grading.course.course import Course
from grading.course.release import ROOT
from grading.right_variants.ex04_groups import RIGHT_VARIANTS
from helpers.checks.ex04_multi_person.scenes import draw_places, draw_tree, shuffled, whole
from helpers.data.skeletons import COCO

ANSWERS = Course(ROOT, "ex04_multi_person").reference_answers()
match_limbs, group_people = ANSWERS["match_limbs"], ANSWERS["group_people"]
part_affinity_fields, affinity_score = ANSWERS["part_affinity_fields"], ANSWERS["affinity_score"]
NAN = float("nan")

seeds = pytest.mark.parametrize("seed", range(8))

pytestmark = pytest.mark.usefixtures("one_thread")


def generator(seed):
    return torch.Generator().manual_seed(seed)


def matched(scores, threshold=0.0):
    scores = torch.as_tensor(scores)
    return sorted(match_limbs(torch.zeros(scores.shape[0], 3), torch.zeros(scores.shape[1], 3), scores, threshold))


# match_limbs.


def test_match_limbs_by_hand():
    assert matched([[0.9, 0.8], [0.7, 0.1]]) == [(0, 0), (1, 1)]
    assert matched([[0.1, 0.3, 0.2]]) == [(0, 1)]
    assert matched([[0.1, 0.3], [0.2, 0.4], [0.5, 0.6]]) == [(1, 0), (2, 1)]


def test_only_scores_above_the_threshold_match():
    scores = [[0.5, 0.0], [0.0, 0.25]]
    assert matched(scores) == matched(scores, 0.125) == [(0, 0), (1, 1)]
    assert (
        matched(scores, 0.25) == [(0, 0)] and matched(scores, 0.5) == [] and matched(scores, -0.5) == [(0, 0), (1, 1)]
    )
    assert matched([[-0.5, -1.0]]) == [] and matched([[-0.5, -1.0]], -0.75) == [(0, 0)]
    assert matched([[0.0]]) == [] and matched([[5.0, math.inf]]) == [(0, 1)]


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
def test_without_starts_or_ends_there_are_no_pairs(shape):
    assert matched(torch.zeros(shape)) == []


def test_nan_is_above_nothing_and_hides_nothing():
    assert matched([[NAN, 0.5], [0.25, NAN]]) == [(0, 1), (1, 0)]
    assert matched([[NAN, NAN]], -1.0) == [] and matched([[NAN, -0.5]], -1.0) == [(0, 1)]


def test_of_two_equal_scores_either_may_be_first():
    assert matched([[0.5, 0.5], [0.5, 0.5]]) in ([(0, 0), (1, 1)], [(0, 1), (1, 0)])


@seeds
@pytest.mark.parametrize("shape", [(4, 6), (7, 3), (5, 5)])
def test_greedy_matching_is_repeated_mutual_maximum(seed, shape):
    """Whoever are each other's best among those who are left belong together, in whatever order they are taken."""
    scores = torch.rand(shape, generator=generator(seed), dtype=torch.float64) - 0.3
    left, pairs = scores.clone(), []
    while (left > 0).any():
        best = ((left == left.amax(0)) & (left == left.amax(1, keepdim=True)) & (left > 0)).nonzero()
        i, j = best[-1].tolist()
        pairs.append((i, j))
        left[i], left[:, j] = -1, -1
    assert matched(scores) == sorted(pairs)


@seeds
def test_matching_does_not_depend_on_the_order_of_candidates(seed):
    scores = torch.rand(5, 7, generator=generator(seed))
    rows, columns = torch.randperm(5, generator=generator(seed)), torch.randperm(7, generator=generator(seed + 1))
    mixed = matched(scores[rows][:, columns])
    assert sorted((int(rows[i]), int(columns[j])) for i, j in mixed) == matched(scores)
    assert sorted((i, j) for j, i in matched(scores.T)) == matched(scores)


@seeds
def test_greedy_matching_gets_at_least_half_of_the_largest_sum(seed):
    scores = torch.rand(6, 6, generator=generator(seed))
    best = scores[linear_sum_assignment(scores.numpy(), maximize=True)].sum()
    assert best / 2 <= sum(scores[i, j] for i, j in matched(scores)) <= best + 1e-6


def test_greedy_matching_is_not_the_assignment_with_the_largest_sum():
    scores = torch.tensor([[0.9, 0.8], [0.7, 0.1]])
    rows, columns = linear_sum_assignment(scores.numpy(), maximize=True)
    assert [*zip(rows.tolist(), columns.tolist(), strict=True)] == [(0, 1), (1, 0)] != matched(scores)


def test_match_limbs_says_what_does_not_fit():
    with pytest.raises(ValueError, match=r"scores has shape \(2, 3\); expected \(n=3, m=2\)"):
        match_limbs(torch.zeros(3, 3), torch.zeros(2, 3), torch.zeros(2, 3))


# group_people.


def of_fields(keypoints, limbs, size, visible=None, width=3.0):
    """Return the fields (L, 2, H, W) of people (P, K, 2), as the reference draws them."""
    visible = torch.ones(keypoints.shape[:2], dtype=torch.bool) if visible is None else visible
    return part_affinity_fields(keypoints[None], visible[None], limbs, size, width)[0]


def as_peaks(keypoints, visible=None, seed=0):
    """Return the peaks (N_k, 3) of people, each keypoint's in an order of its own."""
    scores = torch.rand(*keypoints.shape[:2], 1, generator=generator(seed), dtype=keypoints.dtype)
    rows = torch.cat([keypoints, scores], dim=2)
    visible = torch.ones(keypoints.shape[:2], dtype=torch.bool) if visible is None else visible
    found = [rows[visible[:, k], k] for k in range(keypoints.shape[1])]
    return [peaks[torch.randperm(len(peaks), generator=generator(seed + k))] for k, peaks in enumerate(found)]


def ordered(people):
    return sorted(people.flatten(1).tolist())


ARM = torch.tensor([[[4.0, 5.0], [12.0, 5.0], [12.0, 14.0]]])
ARM_PEAKS = [torch.tensor([[*place, score]]) for place, score in zip(ARM[0].tolist(), (0.5, 0.25, 0.75), strict=True)]
ARM_LIMBS = [(0, 1), (1, 2)]


def test_group_people_by_hand():
    fields = of_fields(ARM, ARM_LIMBS, (18, 20))
    one = group_people(ARM_PEAKS, fields, ARM_LIMBS)
    assert one.tolist() == [[[4, 5, 0.5], [12, 5, 0.25], [12, 14, 0.75]]]
    fields[1] = 0
    two = ordered(group_people(ARM_PEAKS, fields, ARM_LIMBS))
    assert two == [[0, 0, 0, 0, 0, 0, 12, 14, 0.75], [4, 5, 0.5, 12, 5, 0.25, 0, 0, 0]]


@pytest.mark.parametrize(("strength", "people"), [(1, 1), (0.5, 1), (0.05, 3), (0, 3), (-0.5, 3), (-1, 3)])
def test_a_link_needs_a_clearly_positive_affinity(strength, people):
    fields = strength * of_fields(ARM, ARM_LIMBS, (18, 20))
    assert len(group_people(ARM_PEAKS, fields, ARM_LIMBS)) == people


def test_no_peaks_are_nobody():
    fields = torch.zeros(2, 2, 8, 9)
    for dtype in (torch.float32, torch.float64):
        nobody = group_people([torch.zeros(0, 3, dtype=dtype)] * 3, fields.to(dtype), ARM_LIMBS)
        assert nobody.shape == (0, 3, 3) and nobody.dtype == dtype


def test_peaks_of_one_keypoint_are_as_many_people():
    peaks = [torch.zeros(0, 3), torch.tensor([[1.0, 2, 0.5], [5, 3, 0.75]]), torch.zeros(0, 3)]
    people = group_people(peaks, torch.rand(2, 2, 8, 9), ARM_LIMBS)
    assert ordered(people) == [[0, 0, 0, 1, 2, 0.5, 0, 0, 0], [0, 0, 0, 5, 3, 0.75, 0, 0, 0]]


def test_one_keypoint_and_no_limbs_are_as_many_people():
    people = group_people([torch.tensor([[1.0, 2, 0.5], [5, 3, 0.75]])], torch.zeros(0, 2, 8, 9), [])
    assert ordered(people) == [[1, 2, 0.5], [5, 3, 0.75]]


def test_peaks_in_one_place_are_not_linked():
    peaks = [torch.tensor([[4.0, 4.0, 0.5]]), torch.tensor([[4.0, 4.0, 0.25]])]
    people = group_people(peaks, torch.ones(1, 2, 9, 9), [(0, 1)])
    assert ordered(people) == [[0, 0, 0, 4, 4, 0.25], [4, 4, 0.5, 0, 0, 0]]


def test_nan_in_a_field_links_nobody():
    fields = of_fields(ARM, ARM_LIMBS, (18, 20))
    fields[1] = NAN
    assert sorted((group_people(ARM_PEAKS, fields, ARM_LIMBS) != 0).any(2).sum(1).tolist()) == [1, 2]


def test_a_peak_outside_of_the_fields_asks_their_border():
    keypoints = torch.tensor([[[0.0, 3.0], [19.0, 3.0]]])
    fields = of_fields(keypoints, [(0, 1)], (6, 20))
    outside = keypoints + torch.tensor([[-2.0, -5.0], [2.0, -5.0]])
    fields[:, :, :2] = fields[:, :, 2:3]  # the limb reaches the border
    assert len(group_people(as_peaks(outside), fields, [(0, 1)])) == 1
    assert len(group_people(as_peaks(outside), fields.flip(2).clone() * 0, [(0, 1)])) == 2


CONFLICT = torch.tensor([[[6.0, 6.0], [6.0, 22.0], [20.0, 14.0]]])
SECOND = torch.tensor([38.0, 14.0])


def conflict(scores, last):
    """Return peaks and fields where limbs lead from keypoint 0 over 1 and 2 to a second keypoint 0, the last of them
    with this affinity."""
    limbs = [(0, 1), (1, 2), (2, 0)]
    fields = of_fields(CONFLICT, limbs, (28, 44))
    there = torch.stack([SECOND, SECOND, CONFLICT[0, 2]])[None]
    fields[2] = last * of_fields(there, limbs, (28, 44))[2]
    places = [[CONFLICT[0, 0], SECOND], [CONFLICT[0, 1]], [CONFLICT[0, 2]]]
    numbers = iter(scores)
    return [torch.stack([torch.tensor([*p.tolist(), next(numbers)]) for p in of]) for of in places], fields, limbs


@pytest.mark.parametrize(
    ("scores", "last", "first"),
    [
        pytest.param((1, 0.25, 0.75, 0.5), 1, 6, id="first-seed"),
        pytest.param((0.25, 1, 0.75, 0.5), 1, 38, id="second-seed"),
        pytest.param((0.5, 0.25, 0.75, 1), 0.5, 6, id="best-link-first"),
        pytest.param((0.25, 0.5, 0.75, 1), 0.5, 6, id="best-link-first-whatever-the-scores"),
    ],
)
def test_people_grow_from_the_most_confident_peak_along_the_best_link(scores, last, first):
    """One of two keypoints of a kind belongs to the person: who comes first. The other stays alone."""
    people = group_people(*conflict(scores, last))
    sizes = (people != 0).any(dim=2).sum(dim=1)
    assert sorted(sizes.tolist()) == [1, 3] and people[sizes.argmax(), 0, 0] == first


def exhaustive(peaks, fields, limbs):
    """Return people whose limbs are the matching with the largest summed affinity, found by trying all."""
    links = []
    for (a, b), field in zip(limbs, fields, strict=True):
        scores = affinity_score(field, peaks[a][:, None, :2], peaks[b][:, :2], 20)
        scores = torch.where(scores > 0.3, scores, 0)
        small, large = sorted(scores.shape)
        wide = scores if scores.shape[0] == small else scores.T
        tries = itertools.permutations(range(large), small)
        best = max(tries, key=lambda columns: sum(wide[i, j].item() for i, j in enumerate(columns)))  # noqa: B023
        for i, j in enumerate(best):
            if wide[i, j] > 0:
                links.append(((a, i), (b, j)) if wide is scores else ((a, j), (b, i)))
    people = [{(k, i)} for k, found in enumerate(peaks) for i in range(len(found))]
    for one, two in links:
        meeting = [person for person in people if one in person or two in person]
        people = [person for person in people if person not in meeting] + [set().union(*meeting)]
    result = peaks[0].new_zeros(len(people), len(peaks), 3)
    for n, person in enumerate(people):
        for k, i in person:
            result[n, k] = peaks[k][i]
    return result


@pytest.mark.parametrize("people", [1, 2, 3, 4])
@pytest.mark.parametrize("seed", range(6))
def test_the_same_people_as_by_exhaustive_matching(seed, people):
    rng = np.random.RandomState(seed)
    limbs = shuffled(rng, draw_tree(rng, 6))
    present = rng.rand(people, 6) < 0.9
    places = torch.tensor(draw_places(rng, (56, 72), limbs, present))
    peaks = as_peaks(places, torch.tensor(present), seed)
    fields = of_fields(places, limbs, (56, 72), torch.tensor(present))
    expected = exhaustive(peaks, fields, limbs)
    torch.testing.assert_close(ordered(group_people(peaks, fields, limbs)), ordered(expected))
    assert people <= len(expected) or not present.any(axis=1).all()


def random_scene(seed, people=5, size=(48, 72)):
    """Return peaks and fields of COCO people anywhere: crowded, and anything but clean."""
    corners = torch.rand(people, 1, 2, generator=generator(seed)) * torch.tensor([size[1] - 20.0, size[0] - 20.0])
    keypoints = corners + 20 * torch.rand(people, 17, 2, generator=generator(seed + 1))
    return as_peaks(keypoints, seed=seed), of_fields(keypoints, COCO.limbs, size, width=2.0), COCO.limbs


@seeds
def test_every_peak_belongs_to_exactly_one_person(seed):
    peaks, fields, limbs = random_scene(seed)
    people = group_people(peaks, fields, limbs)
    for k, found in enumerate(peaks):
        there = people[people[:, k, 2] > 0, k]
        assert sorted(there.tolist()) == sorted(found.tolist())
    assert (people != 0).any(dim=2).any(dim=1).all()


@seeds
def test_people_depend_neither_on_the_order_of_peaks_and_limbs_nor_on_their_direction(seed):
    rng = np.random.RandomState(seed)
    limbs = draw_tree(rng, 6)
    places = torch.tensor(draw_places(rng, (48, 64), limbs, whole(3, 6)))
    peaks, fields = as_peaks(places, seed=seed), of_fields(places, limbs, (48, 64))
    right = ordered(group_people(peaks, fields, limbs))
    order = rng.permutation(len(limbs)).tolist()
    assert ordered(group_people([p.flip(0) for p in peaks], fields[order], [limbs[i] for i in order])) == right
    assert ordered(group_people(peaks, -fields, [(b, a) for a, b in limbs])) == right
    names = rng.permutation(6).tolist()  # keypoint k is now called names[k]
    renamed = group_people([peaks[names.index(k)] for k in range(6)], fields, [(names[a], names[b]) for a, b in limbs])
    assert ordered(renamed[:, names]) == right
    mirrored = [torch.stack([63 - p[:, 0], p[:, 1], p[:, 2]], dim=1) for p in peaks]
    turned = fields.flip(3) * torch.tensor([-1.0, 1.0]).view(2, 1, 1)
    back = group_people(mirrored, turned, limbs)
    back[..., 0] = torch.where(back[..., 2] > 0, 63 - back[..., 0], 0)
    torch.testing.assert_close(ordered(back), right)


@seeds
def test_growing_agrees_with_a_slow_loop_also_where_people_are_in_conflict(seed):
    slow = RIGHT_VARIANTS["group_people"]["growing_best_first"]
    peaks, fields, limbs = random_scene(seed, people=8)
    scene = (
        [found.double() for found in peaks],
        fields.double() + 0.001 * torch.rand(fields.shape, generator=generator(seed)),
        limbs,
    )
    assert ordered(group_people(*scene)) == ordered(slow(*scene))


def test_arguments_stay_as_they_are():
    peaks, fields, limbs = random_scene(0)
    before = [found.clone() for found in peaks], fields.clone()
    group_people(peaks, fields, limbs)
    assert all(map(torch.equal, before[0], peaks)) and torch.equal(before[1], fields) and limbs == COCO.limbs
    assert ordered(group_people(tuple(peaks), fields, limbs)) == ordered(group_people(peaks, fields, list(limbs)))


def test_hundreds_of_false_peaks_take_a_moment():
    peaks, fields, limbs = random_scene(3, people=20, size=(64, 96))
    false = torch.rand(17, 280, 3, generator=generator(0)) * torch.tensor([95.0, 63.0, 0.1])
    start = time.process_time()
    people = group_people([torch.cat(both) for both in zip(peaks, false, strict=True)], fields, limbs)
    assert int((people[..., 2] > 0).sum()) == 17 * 300 and time.process_time() - start < 4


def test_group_people_says_what_does_not_fit():
    with pytest.raises(ValueError, match=r"fields has shape \(2, 2, 8, 9\); expected \(L=1, 2, H, W\)"):
        group_people([torch.zeros(1, 3)] * 2, torch.zeros(2, 2, 8, 9), [(0, 1)])
    with pytest.raises(ValueError, match=r"fields has shape \(2, 8, 9\); expected \(L=1, 2, H, W\). Add a batch axis"):
        group_people([torch.zeros(1, 3)] * 2, torch.zeros(2, 8, 9), [(0, 1)])
