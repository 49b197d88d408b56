"""What is special to `part_affinity_fields` and `affinity_score`: numbers by hand, what the inputs promise."""

import math

import pytest
import torch
from answer_bank import REFERENCES, RIGHT, drawn, hidden_marks
from local_submission import said, seeds

from grading.known_wrong.ex04_fields import KNOWN_WRONG
from helpers.checks import ex04_multi_person as check
from helpers.checks.ex04_multi_person.scores import TOLERANCE

NAN = float("nan")

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("name", ["bilinear_middles", "nearest_without_the_last", "grid_sample"])
@pytest.mark.parametrize(
    ("mistake", "wrong"),
    [
        ("channels_swapped", lambda score, field, start, end, n=10: score(field.flip(0), start, end, n)),
        ("reversed", lambda score, field, start, end, n=10: score(field, end, start, n)),
        ("sum", lambda score, field, start, end, n=10: n * score(field, start, end, n)),
        ("unsigned", lambda score, field, start, end, n=10: score(field, start, end, n).abs()),
    ],
)
def test_a_mistake_is_named_however_the_field_is_sampled(name, mistake, wrong):
    score = RIGHT["affinity_score"][name]
    points, named = hidden_marks("affinity_score", lambda *arguments: wrong(score, *arguments), 0)
    assert points < 4 and named[0] == mistake


# What a student reads.


@pytest.mark.parametrize(
    ("question", "mistake"), [("part_affinity_fields", "whole_line"), ("affinity_score", "cosine")]
)
def test_a_verdict_has_four_lines_and_inputs_to_try(question, mistake, capsys):
    wrong = KNOWN_WRONG[question][mistake]
    lines = said(check, question, wrong, capsys).splitlines()
    assert lines[0] == f"{question} is not right yet."
    assert [line.split()[0] for line in lines[1:]] == ["called", "returned", "expected", "hint"]
    assert wrong(**check.inputs).shape == REFERENCES[question](**check.inputs).shape


def test_a_score_that_is_off_by_an_unknown_mistake_is_shown(capsys):
    def off(field, start, end, num_samples=10):
        return REFERENCES["affinity_score"](field, start, end, num_samples) + 0.07 * (start.ndim == 1)

    lines = said(check, "affinity_score", off, capsys)
    assert "none of the mistakes we know" in lines and "one segment" in lines
    returned, expected = (float(line.split()[1]) for line in lines.splitlines()[2:4])
    assert returned - expected == pytest.approx(0.07, abs=2e-3)


# Numbers by hand.


@pytest.mark.parametrize(
    ("mistake", "x", "y"),
    [
        ("not_unit_length", [0, 2, 2, 2, 0], 0), ("direction_reversed", [0, -1, -1, -1, 0], 0),
        ("x_y_swapped", 0, [0, 1, 1, 1, 0]), ("edge_left_out", [0, 0, 1, 0, 0], 0),
        ("whole_line", [1, 1, 1, 1, 1], 0), ("whole_line.beyond_the_end", [0, 1, 1, 1, 1], 0),
        ("perpendicular", 0, [0, 1, 1, 1, 0]), ("divided_by_all_people", [0, 0.5, 0.5, 0.5, 0], 0),
    ],
)  # fmt: skip
def test_field_mistakes_give_the_values_worked_out_by_hand(mistake, x, y):
    """The example of the task, its middle row, and a second person whose limb is invisible."""
    keypoints = torch.tensor([[[[1.0, 1.0], [3.0, 1.0]], [[NAN, 0.0], [2.0, 2.0]]]])
    visible = torch.tensor([[[True, True], [False, True]]])
    arguments = keypoints, visible, [(0, 1)], (3, 5), 1.0
    assert REFERENCES["part_affinity_fields"](*arguments)[0, 0, :, 1].tolist() == [[0, 1, 1, 1, 0], [0] * 5]
    wrong = KNOWN_WRONG["part_affinity_fields"][mistake](*arguments)[0, 0, :, 1]
    assert wrong.tolist() == [row if isinstance(row, list) else [row] * 5 for row in (x, y)]


@pytest.mark.parametrize(
    ("mistake", "vector"),
    [
        ("sum_on_overlap", (1, 1)), ("renormalised", (math.sqrt(0.5), math.sqrt(0.5))), ("last_person_wins", (0, 1)),
        ("last_person_wins.first", (1, 0)), ("counts_unlike_zero", (1, 1)), ("largest_on_overlap", (1, 1)),
        ("running_mean", (0.5, 0.5)), ("divided_by_all_people", (1 / 3, 1 / 3)),
    ],
)  # fmt: skip
def test_mistakes_on_overlaps_give_the_values_worked_out_by_hand(mistake, vector):
    """One limb to the right and one downwards meet at (2, 2), a third one is elsewhere: right is (1/2, 1/2)."""
    keypoints = torch.tensor([[[[0.0, 2.0], [4.0, 2.0]], [[2.0, 0.0], [2.0, 4.0]], [[0.0, 0.0], [1.0, 0.0]]]])
    arguments = keypoints, torch.ones(1, 3, 2, dtype=torch.bool), [(0, 1)], (5, 6), 1.0
    assert REFERENCES["part_affinity_fields"](*arguments)[0, 0, :, 2, 2].tolist() == [0.5, 0.5]
    wrong = KNOWN_WRONG["part_affinity_fields"][mistake](*arguments)
    assert wrong[0, 0, :, 2, 2].tolist() == pytest.approx(vector)


@pytest.mark.parametrize(
    ("mistake", "value"),
    [
        ("not_normalised", 3), ("not_normalised.squared", 3 / 25), ("not_normalised.sum_of_components", 3 / 7),
        ("sum", 6), ("reversed", -0.6), ("perpendicular", 0.8), ("channels_swapped", 0.8), ("share_of_good_points", 1),
        ("direction_not_asked", 1), ("direction_not_asked.mean_of_components", 0.5),
    ],
)  # fmt: skip
def test_score_mistakes_give_the_values_worked_out_by_hand(mistake, value):
    """The example of the task: a field of (1, 0) and a segment from (0, 0) to (3, 4); right is 0.6."""
    field = torch.stack([torch.ones(6, 5), torch.zeros(6, 5)])
    start, end = torch.tensor([0.0, 0.0]), torch.tensor([3.0, 4.0])
    assert float(REFERENCES["affinity_score"](field, start, end)) == pytest.approx(0.6)
    assert float(KNOWN_WRONG["affinity_score"][mistake](field, start, end)) == pytest.approx(value)


@pytest.mark.parametrize(
    ("mistake", "value"),
    [
        ("ends_only", 1), ("middle_only", -1), ("middle_only.and_ends", 1 / 3), ("unsigned", 1),
        ("unsigned.of_the_mean", 0.2), ("unsigned.no_negatives", 0), ("unsigned.no_negative_points", 0.4),
        ("best_point", 1), ("best_point.worst", -1), ("share_of_good_points", 0.4),
    ],
)  # fmt: skip
def test_score_mistakes_along_a_segment_give_the_values_worked_out_by_hand(mistake, value):
    """Ten pixels, two at each end point along the segment and six between against it: right is 4/10 - 6/10."""
    field = torch.zeros(2, 3, 10)
    field[0] = torch.tensor([1.0, 1, -1, -1, -1, -1, -1, -1, 1, 1])
    start, end = torch.tensor([0.0, 1.0]), torch.tensor([9.0, 1.0])
    assert float(REFERENCES["affinity_score"](field, start, end)) == pytest.approx(-0.2)
    assert float(KNOWN_WRONG["affinity_score"][mistake](field, start, end)) == pytest.approx(value)


@pytest.mark.parametrize(
    ("mistake", "value"),
    [
        ("zero_outside", 0), ("outside_left_out", 0), ("no_clamping.wraps", 0.5), ("no_clamping.above_only", 0.5),
        ("ends_moved_inside", 0),
    ],
)  # fmt: skip
def test_score_mistakes_outside_give_the_values_worked_out_by_hand(mistake, value):
    """A segment beyond the left border, whose pixels say 1; those of the right border say 1/2."""
    field = torch.zeros(2, 3, 4)
    field[0, :, 0], field[0, :, -1] = 1, 0.5
    start, end = torch.tensor([-1.0, 1.0]), torch.tensor([-0.75, 1.0])
    assert float(REFERENCES["affinity_score"](field, start, end)) == 1
    assert float(KNOWN_WRONG["affinity_score"][mistake](field, start, end)) == pytest.approx(value)


# What the inputs promise.


ten_seeds = pytest.mark.parametrize("seed", seeds(10))


def edges(batch):
    """Return how far each pixel is from the four edges of the rectangle of each limb that is drawn, (N, H, W, 4)."""
    height, width = batch["size"]
    y, x = torch.meshgrid(torch.arange(height).double(), torch.arange(width).double(), indexing="ij")
    found = []
    for image, seen in zip(batch["keypoints"].double(), batch["visible"], strict=True):
        for person, there in zip(image, seen, strict=True):
            for a, b in batch["limbs"]:
                length = (person[b] - person[a]).norm()
                if there[a] and there[b] and length > 0:
                    (ux, uy), dx, dy = (person[b] - person[a]) / length, x - person[a, 0], y - person[a, 1]
                    along, across = dx * ux + dy * uy, dy * ux - dx * uy
                    half = batch["width"] / 2
                    found.append(torch.stack([along, along - length, across - half, across + half], dim=-1).abs())
    return torch.stack(found) if found else torch.ones(1)


@ten_seeds
def test_no_pixel_lies_on_an_edge_unless_any_formula_gets_it_exactly(seed):
    on_an_edge = []
    for case in check.QUESTIONS["part_affinity_fields"].cases:
        for index, batch in enumerate(drawn("part_affinity_fields", case, seed)):
            found = edges(batch)
            if found.min() < 5e-3:
                on_an_edge.append((case, index))
                start, end = batch["keypoints"][0, 0]
                assert end[1] == start[1] and end[0] > start[0] and torch.equal(start, start.round())
                assert found[found > 0].min() >= 0.125
                covered = REFERENCES["part_affinity_fields"](**batch)[0, 0, 0] != 0
                y, x = (covered & (found[0] == 0).any(dim=-1)).nonzero().T
                assert len(x) and ((x == start[0]) | (y == start[1])).all()  # above and below the start, or its ends
    assert on_an_edge == [("rectangle", 1), ("rectangle", 2)]


def by_angles(keypoints, visible, limbs, size, width):
    """Return the fields from the angle of each limb; cos(pi / 2) is not 0 but 6e-17, so that edges move a little."""
    fields = keypoints.new_zeros(len(keypoints), len(limbs), 2, *size)
    y, x = torch.meshgrid(*map(torch.arange, size), indexing="ij")
    for image, seen, field in zip(keypoints, visible, fields, strict=True):
        for (a, b), drawn_field in zip(limbs, field, strict=True):
            count = torch.zeros(size)
            for person, there in zip(image, seen, strict=True):
                way = person[b] - person[a]
                if there[a] and there[b] and way.any():
                    angle, across = torch.atan2(way[1], way[0]), torch.atan2(way[1], way[0]) + math.pi / 2
                    dx, dy = x - person[a, 0], y - person[a, 1]
                    along = dx * angle.cos() + dy * angle.sin()
                    aside = dx * across.cos() + dy * across.sin()
                    inside = (along >= 0) & (along <= way.norm()) & (aside.abs() <= width / 2)
                    drawn_field += inside * (way / way.norm())[:, None, None]
                    count += inside
            drawn_field /= count.clamp(min=1)
    return fields


@ten_seeds
def test_a_pixel_that_rounding_drops_from_an_edge_costs_nothing(seed):
    assert hidden_marks("part_affinity_fields", by_angles, seed) == (4, [])


@pytest.mark.parametrize(
    ("mistake", "of_right"),
    [
        ("not_unit_length", lambda fields: 0.9 * fields),
        ("one_sign", lambda fields: fields * torch.tensor([1, -1])[:, None, None].to(fields)),
        ("x_y_swapped", lambda fields: 3 * fields.flip(2)),
        ("nothing_drawn", lambda fields: 0 * fields),
    ],
)
def test_fields_show_their_mistake_whatever_made_them(mistake, of_right):
    _, named = hidden_marks(
        "part_affinity_fields", lambda *arguments: of_right(REFERENCES["part_affinity_fields"](*arguments)), 0
    )
    assert named == [mistake] * 4


@ten_seeds
def test_limbs_overlap_in_their_case_and_nowhere_else(seed):
    """The mean of unit vectors is shorter than 1 where they differ; opposite limbs leave 0."""
    for case in check.QUESTIONS["part_affinity_fields"].cases:
        for index, batch in enumerate(drawn("part_affinity_fields", case, seed)):
            lengths = REFERENCES["part_affinity_fields"](**batch).norm(dim=2)
            shorter = bool((lengths.gt(1e-6) & lengths.lt(0.999)).any())
            assert shorter == (case == "overlap" and index < 2)


@ten_seeds
def test_every_field_shows_something_but_those_of_nobody(seed):
    for case in check.QUESTIONS["part_affinity_fields"].cases:
        batches = drawn("part_affinity_fields", case, seed)
        for batch in batches[: -1 if case in ("unseen", "overlap") else None]:
            fields = REFERENCES["part_affinity_fields"](**batch)
            assert fields.any() or (case == "overlap" and batch is batches[2])


@ten_seeds
def test_conventions_of_sampling_agree_far_below_the_tolerance(seed):
    for case in check.QUESTIONS["affinity_score"].cases:
        for batch in drawn("affinity_score", case, seed):
            right = REFERENCES["affinity_score"](**batch)
            for answer in RIGHT["affinity_score"].values():
                assert ((answer(**batch) - right).abs() < TOLERANCE / 2).all()


@ten_seeds
def test_segments_leave_the_field_in_their_case_only(seed):
    for case in check.QUESTIONS["affinity_score"].cases:
        for index, batch in enumerate(drawn("affinity_score", case, seed)):
            corner = torch.tensor(batch["field"].shape[:0:-1]) - 1
            outside = [((p < 0) | (p > corner)).any(dim=-1) for p in (batch["start"], batch["end"])]
            expected = case == "border" and index < 2
            assert bool((outside[0] | outside[1]).any()) == expected
            if expected:
                assert ((outside[0] & outside[1]) if index == 1 else (outside[0] ^ outside[1])).all()
