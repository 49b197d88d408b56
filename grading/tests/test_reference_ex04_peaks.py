"""The reference answers of ex04 about peaks: numbers by hand, SciPy and slow loops, invariants, special input."""

import math
import time

import numpy as np
import pytest
import torch
from scipy import ndimage

from grading.course.course import Course
from grading.course.release import ROOT
from grading.right_variants.ex04_peaks import RIGHT_VARIANTS

ANSWERS = Course(ROOT, "ex04_multi_person").reference_answers()
find_peaks, add_offsets = ANSWERS["find_peaks"], ANSWERS["add_offsets"]
NAN, INF = float("nan"), math.inf

seeds = pytest.mark.parametrize("seed", range(5))

pytestmark = pytest.mark.usefixtures("one_thread")


def generator(seed):
    return torch.Generator().manual_seed(seed)


def one(rows, threshold=0.5):
    """Return the peaks of one map, given by its rows, as (x, y, score)."""
    scoremaps = torch.tensor(rows, dtype=torch.float64)
    ((peaks,),) = find_peaks(scoremaps.view(1, 1, *scoremaps.shape), threshold)
    return [tuple(peak) for peak in peaks.tolist()]


def gaussian(size, x, y, sigma, height=1.0):
    rows, columns = torch.meshgrid(*(torch.arange(n, dtype=torch.float64) for n in size), indexing="ij")
    return height * torch.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2))


# find_peaks.


def test_find_peaks_by_hand():
    assert one([[0, 1, 3, 1, 0]]) == [(2, 0, 3)]
    assert one([[0, 2, 2, 0]]) == [(1.5, 0, 2)]
    ((x, y, score),) = one([[0, 2, 2, 3, 0]])
    assert 2.5 <= x <= 3 and (y, score) == (0, 3)
    assert one([[1, 4, 2], [0, 0, 0]]) == [(1 + (2 - 1) / 2 / (8 - 1 - 2), 0, 4)]


def test_the_tip_is_on_the_side_of_the_higher_neighbour():
    ((x, y, score),) = one([[0, 0, 0, 0], [0, 1, 4, 3], [0, 0, 2, 0], [0, 0, 0, 0]])
    assert (x, y, score) == (2 + (3 - 1) / 2 / (8 - 4), 1 + 2 / 2 / (8 - 2), 4)


@pytest.mark.parametrize(
    ("rows", "count"),
    [
        pytest.param([[2, 2, 0, 0], [0, 0, 0, 2]], 2, id="two"),
        pytest.param([[2, 0, 0], [0, 2, 0], [0, 0, 2]], 1, id="diagonal"),
        pytest.param([[2, 0, 2], [0, 2, 0]], 1, id="v"),
        pytest.param([[2, 2, 2], [2, 0, 2], [2, 2, 2]], 1, id="ring"),
        pytest.param([[2, 2, 2], [2, 3, 2], [2, 2, 2]], 1, id="terrace"),
        pytest.param([[2, 2, 2, 2, 2, 3]], 1, id="step"),
        pytest.param([[2, 0, 0], [2, 0, 0], [2, 2, 2], [0, 0, 3]], 1, id="step-around-a-corner"),
        pytest.param([[1, 1], [1, 1]], 1, id="level"),
        pytest.param([[0.5, 0.5], [0.5, 0.5]], 0, id="level-at-the-threshold"),
        pytest.param([[7]], 1, id="one-pixel"),
        pytest.param([[-INF, -INF]], 0, id="all-minus-infinity"),
    ],
)
def test_plateaus_give_one_peak_and_steps_none(rows, count):
    peaks = one(rows)
    assert len(peaks) == count
    for x, y, score in peaks:
        near = [rows[j][i] for j in range(len(rows)) for i in range(len(rows[0])) if max(abs(x - i), abs(y - j)) <= 0.5]
        assert score in near


def test_nan_is_lower_than_everything():
    assert one([[5, NAN, 4, 3, NAN]]) == [(0, 0, 5), (2, 0, 4)]
    assert one([[NAN, NAN], [NAN, NAN]]) == []
    assert one([[NAN, -3.0, NAN]], -4.0) == [(1, 0, -3)]


def test_infinite_scores_give_finite_places():
    assert one([[1, INF, 2], [0, 0, 0]]) == [(1, 0, INF)]
    assert one([[-INF, 1, 0]]) == [(1, 0, 1)]


def test_the_threshold_is_strict_and_may_be_negative():
    row = [[0, 3, 0, 2, 0, 1, 0]]
    assert [score for _, _, score in one(row, 2.0)] == [3] and one(row, 3.0) == []
    assert [score for _, _, score in one([[-5, -2, -6, -1, -7]], -3.0)] == [-2, -1]


def regional_maxima(maps, threshold):
    """Return sets of the pixels of every summit, (b, k, y, x), by SciPy alone: equal heights are labelled, and a label
    counts whose pixels have nothing higher around."""
    found = []
    for b, k in np.ndindex(maps.shape[:2]):
        scores = maps[b, k]
        around = ndimage.maximum_filter(scores, 3, mode="constant", cval=-INF)
        for height in np.unique(scores[scores > threshold]):
            numbers, count = ndimage.label(scores == height, np.ones((3, 3)))
            for number in range(1, count + 1):
                if (around[numbers == number] == height).all():
                    found.append({(b, k, y, x) for y, x in np.argwhere(numbers == number).tolist()})
    return found


@seeds
@pytest.mark.parametrize("heights", [3, 6, 1000])
def test_find_peaks_finds_the_regional_maxima_of_scipy(seed, heights):
    maps = torch.randint(heights, (2, 3, 7, 10), generator=generator(seed)).double()
    expected = regional_maxima(maps.numpy(), 0.5)
    found = find_peaks(maps, 0.5)
    hits = []
    for b, k in np.ndindex(2, 3):
        for x, y, score in found[b][k].tolist():
            places = {(b, k, j, i) for j in range(7) for i in range(10) if max(abs(x - i), abs(y - j)) <= 0.5}
            hits += [n for n, summit in enumerate(expected) if summit & {p for p in places if maps[p] == score}][:1]
    assert sorted(hits) == list(range(len(expected))) and len(hits) == sum(len(p) for image in found for p in image)


@seeds
def test_find_peaks_agrees_with_a_slow_loop(seed):
    maps = torch.rand(2, 2, 9, 8, generator=generator(seed), dtype=torch.float64) - 0.5
    maps[maps > 0.4] = NAN
    slow = RIGHT_VARIANTS["find_peaks"]["filling"](maps, -0.2)
    for image, expected in zip(find_peaks(maps, -0.2), slow, strict=True):
        for peaks, others in zip(image, expected, strict=True):
            torch.testing.assert_close(peaks, others)


@seeds
@pytest.mark.parametrize("sigma", [1.0, 1.7, 3.0])
def test_the_centre_of_a_gaussian_is_found_to_a_twentieth_of_a_pixel(seed, sigma):
    x, y = (torch.rand(2, generator=generator(seed), dtype=torch.float64) * 8 + 6).tolist()
    ((found,),) = find_peaks(gaussian((21, 23), x, y, sigma)[None, None], 0.5)
    assert (found[0, :2] - torch.tensor([x, y])).abs().max() < 0.05 and len(found) == 1


@seeds
def test_peaks_move_with_the_map_and_mirror_with_it(seed):
    maps = torch.rand(1, 2, 8, 11, generator=generator(seed), dtype=torch.float64)
    for k in range(2):
        peaks = find_peaks(maps, 0.5)[0][k]
        mirrored, turned = find_peaks(maps.flip(3), 0.5)[0][k], find_peaks(maps.transpose(2, 3), 0.5)[0][k]
        higher = find_peaks(maps * 4 - 1, 1.0)[0][k]
        back = torch.stack([10 - mirrored[:, 0], mirrored[:, 1], mirrored[:, 2]], dim=1)
        for other in (back, turned[:, [1, 0, 2]], torch.cat([higher[:, :2], (higher[:, 2:] + 1) / 4], dim=1)):
            torch.testing.assert_close(other[other[:, 2].argsort()], peaks[peaks[:, 2].argsort()])


@seeds
def test_each_map_counts_alone(seed):
    maps = torch.randint(4, (3, 2, 6, 7), generator=generator(seed)).float()
    together = find_peaks(maps, 0.5)
    for b, k in np.ndindex(3, 2):
        torch.testing.assert_close(together[b][k], find_peaks(maps[b : b + 1, k : k + 1], 0.5)[0][0])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (0, 3, 4, 5), (1, 1, 1, 1)])
def test_a_map_without_peaks_gives_an_empty_tensor(shape, dtype):
    maps = torch.zeros(shape, dtype=dtype)
    found = find_peaks(maps, 0.0)
    assert len(found) == shape[0] and all(len(image) == shape[1] for image in found)
    assert all(peaks.shape == (0, 3) and peaks.dtype == dtype for image in found for peaks in image)


def test_arguments_stay_and_dtypes_too():
    maps = torch.rand(1, 2, 5, 6).masked_fill(torch.rand(1, 2, 5, 6) < 0.1, NAN)
    before = maps.clone()
    assert find_peaks(maps, 0.2)[0][0].dtype == torch.float32
    torch.testing.assert_close(maps, before, equal_nan=True, rtol=0, atol=0)


def test_maps_with_a_gradient_are_fine():
    maps = torch.rand(1, 1, 6, 7, requires_grad=True)
    assert len(find_peaks(maps, 0.1)[0][0]) == len(find_peaks(maps.detach(), 0.1)[0][0])


def test_find_peaks_refuses_a_map_without_its_axes():
    with pytest.raises(ValueError, match=r"scoremaps has shape \(4, 5\); expected \(B, K, H, W\)"):
        find_peaks(torch.zeros(4, 5), 0.5)


@pytest.mark.parametrize("kind", ["people", "noise", "level", "few-heights"])
def test_find_peaks_takes_bounded_time(kind):
    noise = torch.rand(1, 17, 32, 40, generator=generator(0))
    centres = (torch.rand(17, 3, 2, generator=generator(0)) * torch.tensor([39.0, 31.0])).tolist()
    people = torch.stack([sum(gaussian((32, 40), *c, 1.5) for c in three) for three in centres])[None].float()
    maps = {"people": people, "noise": noise, "level": torch.ones_like(noise), "few-heights": (4 * noise).round()}[kind]
    find_peaks(maps, 0.1)
    times = []
    for _ in range(5):
        start = time.process_time()
        find_peaks(maps, 0.1)
        times.append(time.process_time() - start)
    assert min(times) < 0.05  # 2 to 4 ms on a quiet core


# add_offsets.


def test_add_offsets_by_hand():
    offsets = torch.zeros(1, 2, 3, 4)
    offsets[0, :, 1, 2] = torch.tensor([0.25, -0.5])
    (moved,) = add_offsets([torch.tensor([[2.3, 0.8, 5.0]])], offsets)
    assert moved.tolist() == [[2.25, 0.5, 5.0]]


def test_a_peak_outside_belongs_to_the_nearest_pixel_of_the_border():
    offsets = torch.arange(24.0).view(1, 2, 3, 4)
    (moved,) = add_offsets([torch.tensor([[-2.0, 1.0, 1.0], [9.0, 9.0, 2.0], [1.2, -0.7, 3.0]])], offsets)
    assert moved.tolist() == [[0 + 4, 1 + 16, 1], [3 + 11, 2 + 23, 2], [1 + 1, 0 + 13, 3]]


@seeds
def test_add_offsets_agrees_with_a_slow_loop(seed):
    offsets = torch.randn(3, 2, 5, 8, generator=generator(seed), dtype=torch.float64)
    peaks = [10 * torch.rand(n, 3, generator=generator(seed + n), dtype=torch.float64) - 1 for n in (4, 0, 7)]
    before = [found.clone() for found in peaks]
    for moved, expected in zip(
        add_offsets(peaks, offsets), RIGHT_VARIANTS["add_offsets"]["loop"](peaks, offsets), strict=True
    ):
        torch.testing.assert_close(moved, expected)
    assert all(map(torch.equal, peaks, before))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_no_peaks_stay_no_peaks(dtype):
    moved = add_offsets([torch.zeros(0, 3, dtype=dtype)] * 2, torch.zeros(2, 2, 4, 5, dtype=dtype))
    assert [(m.shape, m.dtype) for m in moved] == [((0, 3), dtype)] * 2


@seeds
def test_offsets_to_the_truth_undo_every_rounding(seed):
    """Where every pixel points to one place, peaks of all pixels move there."""
    x, y = (torch.rand(2, generator=generator(seed)) * 4).tolist()
    rows, columns = torch.meshgrid(torch.arange(5.0), torch.arange(6.0), indexing="ij")
    offsets = torch.stack([x - columns, y - rows])[None]
    peaks = torch.cat([6 * torch.rand(9, 2, generator=generator(seed)), torch.ones(9, 1)], dim=1)
    (moved,) = add_offsets([peaks], offsets)
    torch.testing.assert_close(moved, torch.tensor([[x, y, 1.0]]).expand(9, 3))
