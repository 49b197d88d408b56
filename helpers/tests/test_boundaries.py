import pytest
import torch
import torch.nn.functional as F

from helpers import boundary_score
from helpers.metrics.boundaries import dilate


def row(*labels):
    return torch.tensor([[labels]])


def blobs(count, size, num_classes, seed, void=0.0):
    """Random smooth regions of `num_classes` classes, some pixels of them void."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, num_classes, 4, 5, generator=generator)
    labels = F.interpolate(coarse, size, mode="bilinear").argmax(1)
    labels[torch.rand(count, *size, generator=generator) < void] = 255
    return labels


def by_loops(pred, target, num_classes, width, ignore_index=255):
    """The definition, pixel by pixel."""
    counted = target != ignore_index
    count, rows, columns = target.shape

    def near(n, y, x, far):
        ys = range(max(y - far, 0), min(y + far + 1, rows))
        return [(n, b, a) for b in ys for a in range(max(x - far, 0), min(x + far + 1, columns))]

    def edges(labels, c):
        return {
            (n, y, x)
            for n in range(count)
            for y in range(rows)
            for x in range(columns)
            if counted[n, y, x]
            and labels[n, y, x] == c
            and any(counted[place] and labels[place] != c for place in near(n, y, x, 2))
        }

    scores = []
    for c in range(num_classes):
        of_pred, of_target = edges(pred, c), edges(target, c)
        if not of_pred and not of_target:
            continue
        hits = [
            sum(any(place in others for place in near(*pixel, width)) for pixel in ours)
            for ours, others in ((of_pred, of_target), (of_target, of_pred))
        ]
        precision, recall = hits[0] / max(len(of_pred), 1), hits[1] / max(len(of_target), 1)
        scores.append(2 * precision * recall / (precision + recall) if precision + recall else 0.0)
    return sum(scores) / len(scores)


def test_an_edge_two_pixels_off_is_half_right():
    """Edges of class 0: pixels 3 and 4, predicted 5 and 6. Only 5 is near 4: precision and recall 1/2, so F is 1/2."""
    assert boundary_score(row(0, 0, 0, 0, 0, 0, 0, 1, 1, 1), row(0, 0, 0, 0, 0, 1, 1, 1, 1, 1), 2) == 0.5


@pytest.mark.parametrize(
    ("off", "width", "score"), [(0, 1, 1), (1, 1, 1), (2, 1, 0.5), (3, 1, 0), (3, 2, 0.5), (3, 3, 1)], ids=str
)
def test_the_score_falls_with_the_distance(off, width, score):
    target = (torch.arange(30) >= 12).long().view(1, 1, 30)
    pred = (torch.arange(30) >= 12 + off).long().view(1, 1, 30)
    assert boundary_score(pred, target, 2, width) == score


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("width", [1, 3])
def test_it_agrees_with_the_definition_in_loops(seed, width):
    target, pred = blobs(2, (17, 11), 4, seed, void=0.1), blobs(2, (17, 11), 4, seed + 10)
    assert boundary_score(pred, target, 4, width) == pytest.approx(by_loops(pred, target, 4, width), abs=1e-6)


def test_void_counts_nowhere():
    """Whatever is predicted at void pixels; and a line of void between two classes does not hide their edge."""
    target, pred = blobs(2, (37, 23), 4, 0, void=0.2), blobs(2, (37, 23), 4, 1)
    other = torch.where(target == 255, 3 - pred, pred)
    assert boundary_score(other, target, 4) == boundary_score(pred, target, 4)
    assert boundary_score(row(0, 0, 0, 1, 1, 1), row(0, 0, 0, 255, 1, 1), 2) == 1
    assert boundary_score(row(0, 0, 0, 0, 0, 0), row(0, 0, 0, 255, 1, 1), 2) == 0


def test_a_class_without_an_edge_is_left_out_and_one_with_edges_on_one_side_is_zero():
    labels = row(0, 0, 0, 1, 1, 1)
    assert boundary_score(labels, labels, 9) == 1  # seven classes are nowhere
    pred = row(0, 0, 0, 2, 2, 2)  # class 0 is right, 1 is missed, 2 is made up
    assert boundary_score(pred, labels, 3) == pytest.approx(1 / 3)


def test_where_nothing_has_an_edge_it_is_nan():
    plain = torch.zeros(1, 5, 7, dtype=torch.int64)
    score = boundary_score(plain, plain, 2)
    void = boundary_score(plain, torch.full_like(plain, 255), 2)
    assert isinstance(score, float) and score != score and void != void


def test_it_is_one_count_over_all_images():
    """A short edge that is met and a long one that is missed: 1/6 of all edge pixels, not half of the images."""
    target = torch.zeros(2, 5, 12, dtype=torch.int64)
    target[0, :1, 6:], target[1, :, 6:] = 1, 1
    target[0, 1:] = 255
    pred = target.clone()
    pred[pred == 255] = 0
    pred[1] = 0
    pred[1, :, 1:] = 1  # far off
    assert boundary_score(pred, target, 2) == pytest.approx(by_loops(pred, target, 2, 1))
    assert boundary_score(pred, target, 2) < 0.25


def test_it_is_no_measure_of_area():
    """Two squares that differ in a third of their pixels, but all over their outlines, score 0."""
    target, pred = torch.zeros(2, 1, 32, 32, dtype=torch.int64)
    target[0, 4:28, 4:28], pred[0, 9:23, 9:23] = 1, 1
    assert boundary_score(pred, target, 2) == 0


@pytest.mark.parametrize("by", [1, 2, 4])
@pytest.mark.parametrize("size", [(37, 23), (1, 9), (3, 1)], ids=str)
def test_dilate_agrees_with_max_pooling(by, size):
    mask = torch.rand(3, *size, generator=torch.Generator().manual_seed(by)) < 0.1
    before = mask.clone()
    pooled = F.max_pool2d(mask[:, None].float(), 2 * by + 1, stride=1, padding=by)[:, 0] > 0
    assert torch.equal(dilate(mask, by), pooled) and torch.equal(mask, before)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"pred": torch.zeros(1, 4, 4)}, TypeError, "pred has dtype float32"),
        ({"target": torch.zeros(1, 4, 5, dtype=torch.int64)}, ValueError, "target has shape"),
        ({"pred": torch.full((1, 4, 4), 2)}, ValueError, "pred holds 2; expected whole numbers from 0 to 1"),
        ({"target": torch.full((1, 4, 4), 3)}, ValueError, "target holds 3"),
        ({"width": 0}, ValueError, "width is 0"),
    ],
    ids=["float", "shape", "pred", "target", "width"],
)
def test_what_cannot_be_scored_is_refused(change, error, message):
    right = {"pred": torch.zeros(1, 4, 4, dtype=torch.int64), "target": torch.zeros(1, 4, 4, dtype=torch.int64)}
    with pytest.raises(error, match=message):
        boundary_score(**(right | change), num_classes=2)
