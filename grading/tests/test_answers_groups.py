"""What is special to `match_limbs` and `group_people`: what is granted and told, what the inputs promise."""

import numpy as np
import pytest
import torch
from answer_bank import POINTS, REFERENCES, drawn, hidden_marks, score_midpoints, score_pairs
from local_submission import said, seeds

from grading.known_wrong.ex04_groups import KNOWN_WRONG
from helpers.checks import ex04_multi_person as check
from helpers.checks.engine.question import Wrong, local_ask
from helpers.checks.ex04_multi_person.group_evidence import mistake_in
from helpers.checks.ex04_multi_person.groups import People
from helpers.checks.ex04_multi_person.pairs import Pairs

NAN = float("nan")

pytestmark = pytest.mark.usefixtures("one_thread")


def test_a_name_that_is_missing_is_told():
    def leaning(peaks, fields, limbs):
        return affinity_score(fields[0], peaks[0], peaks[1])  # noqa: F821

    assert hidden_marks("group_people", leaning, 0) == (0, ["NameError"] * 5)


# What a student reads.


@pytest.mark.parametrize(
    ("question", "mistake", "line", "text"),
    [
        ("match_limbs", "indices_swapped", 2, "5 pairs: ("),
        ("match_limbs", "indices_swapped", 3, "5 pairs: ("),
        ("match_limbs", "with_scores", 2, "a list or tuple of 5, the first a list or tuple of 3"),
        ("match_limbs", "with_scores", 3, "a list, or a tensor (k, 2)"),
        ("match_limbs", "changes_its_arguments", 2, "changed its argument scores"),
        ("match_limbs", "threshold_inclusive", 1, "half of the scores are 0 or less, which is the default threshold"),
        ("group_people", "one_person", 2, "1 people of 5 keypoints"),
        ("group_people", "one_person", 3, "2 people of 5, 5 keypoints, one with the keypoints 0 at ("),
        (
            "group_people",
            "score_lost",
            1,
            "peaks: 2, 2, 2, 2, 2 of them, fields: float32 (4, 2, 30, 40), limbs: (0, 1)",
        ),
        ("group_people", "second_keypoint_overwrites", 3, "2 people of 3, 1 keypoints, one with the keypoints 0 at ("),
        ("group_people", "float32_only", 2, "a tensor of shape (2, 4, 3), float32"),
        ("group_people", "list", 2, "(a tensor of shape (5, 3), float32, a tensor of shape (5, 3), float32)"),
        ("group_people", "changes_its_arguments", 3, "arguments that are left as they were"),
    ],
)
def test_a_verdict_has_four_lines_and_inputs_to_try(question, mistake, line, text, capsys):
    lines = said(check, question, KNOWN_WRONG[question][mistake], capsys).splitlines()
    assert lines[0] == f"{question} is not right yet."
    assert [said_line.split()[0] for said_line in lines[1:]] == ["called", "returned", "expected", "hint"]
    assert text in lines[line] and all(len(said_line) < 420 for said_line in lines)
    assert set(check.inputs) >= ({"starts", "ends", "scores"} if question == "match_limbs" else {"peaks", "fields"})


# What is granted, and what is not.

TWO_BY_TWO = Pairs({"scores": torch.zeros(2, 2)})


@pytest.mark.parametrize(
    "value",
    [
        [(0, 1), (1, 0)], [[1, 0], [0, 1]], torch.tensor([[1, 0], [0, 1]]), torch.tensor([[0.0, 1.0], [1.0, 0.0]]),
        [torch.tensor([1, 0]), torch.tensor([0, 1])], [[torch.tensor(0), torch.tensor(1)], [1.0, 0.0]],
    ],
)  # fmt: skip
def test_pairs_may_come_in_any_form_and_order(value):
    value = [list(row) if isinstance(row, tuple) else row for row in value] if isinstance(value, list) else value
    assert TWO_BY_TWO.reading(value).value == [(0, 1), (1, 0)] and not TWO_BY_TWO.reading(value).fault


@pytest.mark.parametrize("value", [[], torch.zeros(0), torch.zeros(0, 2), torch.zeros(0, 3, dtype=torch.long)])
def test_no_pairs_may_come_in_any_form(value):
    assert TWO_BY_TWO.reading(value).value == [] and not TWO_BY_TWO.reading(value).fault


PEAKS = [torch.tensor([[1.0, 2.0, 0.5], [4.0, 2.0, 0.75]]), torch.tensor([[1.0, 5.0, 0.25]])]
OF_TWO = torch.tensor([[[1.0, 2.0, 0.5], [1.0, 5.0, 0.25]], [[4.0, 2.0, 0.75], [0.0, 0.0, 0.0]]])


def test_people_may_come_in_any_order_and_a_keypoint_with_whom_it_likes_only_where_that_is_open():
    exchanged = torch.stack([OF_TWO[[1, 0], [0, 0]], OF_TWO[[0, 1], [1, 1]]], dim=1)
    for is_open in (False, True):
        call = People(PEAKS, torch.zeros(1, 2, 6, 6), [(0, 1)], open=is_open)
        right = call.reading(OF_TWO)
        assert torch.equal(call.reading(OF_TWO.flip(0)).value, right.value)
        assert torch.equal(call.reading(exchanged).value, right.value) == is_open
        assert not torch.equal(call.reading(OF_TWO[[0, 0]]).value, right.value)
        assert call.reading(OF_TWO[:1]).value.shape != right.value.shape


# What the inputs promise.


eight_seeds = pytest.mark.parametrize("seed", seeds(8))


@eight_seeds
def test_no_two_scores_are_equal_but_of_pairs_that_do_not_meet(seed):
    for case in check.QUESTIONS["match_limbs"].cases:
        for index, inputs in enumerate(drawn("match_limbs", case, seed)):
            scores = inputs["scores"][~inputs["scores"].isnan()]
            if (case, index) == ("values", 7):
                best = (inputs["scores"] == scores.max()).nonzero()
                assert len(best) == 4 and all(side.unique().numel() == 4 for side in best.T)
                scores = scores[scores < scores.max()]
            assert scores.unique().numel() == scores.numel()


@eight_seeds
def test_one_score_is_the_threshold_and_both_its_candidates_are_free(seed):
    inputs = drawn("match_limbs", "threshold", seed)[2]
    pairs = REFERENCES["match_limbs"](**inputs)
    assert len(pairs) == 3
    (i, j), *more = (inputs["scores"] == inputs["threshold"]).nonzero().tolist()
    assert not more and all(i != a and j != b for a, b in pairs)


@eight_seeds
def test_greedy_matching_does_not_pay(seed):
    inputs = drawn("match_limbs", "values", seed)[2]
    scores = inputs["scores"]
    greedy = sum(scores[i, j].item() for i, j in REFERENCES["match_limbs"](**inputs))
    assert greedy < scores.sum().item() - greedy, "the other two"


SIZES = {
    "whole": [[5, 5], [5], [5, 5, 5], [5, 5, 5, 5], [3, 3]],
    "limbs": [[5, 5], [6, 6], [5, 5], [4, 5], [5, 5, 5]],
    "missing": [[2, 3, 6], [3, 4, 4], [1, 1, 1, 3, 4], [1, 2]],
    "affinity": [[4, 4], [*[1] * 8, 2], [*[1] * 8, 2], [1, 1, 2, 2], [1, 1, 2, 2], [2, 2], [2, 2]],
    "few": [[], [1, 1], [1] * 10],
    "many": [[2, 4], [1, 3], [1, 3], [1, 3], [3, 3], [3] * 20],
}


@eight_seeds
@pytest.mark.parametrize("case", SIZES)
def test_the_reference_finds_the_people_that_were_drawn(case, seed):
    found = [REFERENCES["group_people"](**inputs) for inputs in drawn("group_people", case, seed)]
    assert [sorted((people != 0).any(dim=2).sum(dim=1).tolist()) for people in found] == SIZES[case]


def affinities(inputs, score):
    """Return the affinities of all pairs of every limb."""
    return [
        score(field, inputs["peaks"][a], inputs["peaks"][b])
        for (a, b), field in zip(inputs["limbs"], inputs["fields"], strict=True)
    ]


@eight_seeds
@pytest.mark.parametrize("score", [score_pairs, score_midpoints, lambda *args: score_pairs(*args, num_samples=25)])
def test_every_link_is_clear_and_what_may_not_be_linked_is_not_nearly(seed, score):
    """Right pairs are above 0.5 and ahead of all others by a good deal; where neither has a partner, 0.1 is not
    reached, however the field is sampled."""
    for case in ("whole", "limbs", "missing", "affinity"):
        for inputs in drawn("group_people", case, seed):
            people = REFERENCES["group_people"](**inputs)
            for (a, b), scores in zip(inputs["limbs"], affinities(inputs, score), strict=True):
                one = (people[:, None, a] == inputs["peaks"][a]).all(dim=2).float()  # whose start is it?
                two = (people[:, None, b] == inputs["peaks"][b]).all(dim=2).float()
                mine = (one.T @ two) > 0
                assert (scores[mine] > 0.5).all()
                free = ~mine.any(dim=1, keepdim=True) & ~mine.any(dim=0)
                assert (scores[free] < 0.1).all()
                rivals = scores.masked_fill(mine, -1)
                for i, j in mine.nonzero().tolist():
                    assert scores[i, j] > 1.2 * max(rivals[i].max(), rivals[:, j].max())


@eight_seeds
def test_a_limb_from_one_person_to_another_puts_no_peak_on_two_people(seed):
    crossed = drawn("group_people", "many", seed)[4]
    last = affinities(crossed, score_pairs)[2]
    assert sorted(last.flatten().gt(0.5).tolist()) == [False, False, False, True] and last.max() < 0.7
    wrong = KNOWN_WRONG["group_people"]["peak_on_two_people.openpose"](**crossed)
    held = wrong[(wrong != 0).any(dim=2)]
    assert len(held) == 7 and len(held.unique(dim=0)) == 6


@eight_seeds
def test_a_long_limb_is_clear_however_long(seed):
    inputs = drawn("group_people", "affinity", seed)[5]
    lengths = [(a[0, :2] - b[0, :2]).norm() for a, b in zip(inputs["peaks"][::2], inputs["peaks"][1::2], strict=True)]
    assert min(lengths) > 3 * min(inputs["fields"].shape[2:])
    assert all(0.5 < float(scores) < 0.6 for scores in affinities(inputs, score_pairs))
    assert hidden_marks("group_people", KNOWN_WRONG["group_people"]["distance_prior"], seed)[1] == ["distance_prior"]


@pytest.mark.parametrize(
    ("mistake", "people"),
    [
        ("nobody", []), ("peak_on_two_people", [[(0, 0), (1, 0)], [(0, 0)], [(0, 1)]]),
        ("nobody_linked", [[(0, 0)], [(0, 1)], [(1, 0)], [(2, 0)]]), ("x_and_y_exchanged", None),
        ("unclear_links", [[(0, 0), (1, 0)], [(0, 1), (2, 0)]]), ("in_pieces", [[(0, 0)], [(1, 0), (0, 1)]]),
    ],
)  # fmt: skip
def test_people_show_their_mistake_whatever_made_them(mistake, people):
    peaks = [*PEAKS, torch.tensor([[3.0, 5.0, 0.125]])]
    whole = torch.zeros(3, 3, 3)
    whole[0, 0], whole[0, 1], whole[1, 0], whole[2, 2] = peaks[0][0], peaks[1][0], peaks[0][1], peaks[2][0]
    if mistake == "in_pieces":
        whole = torch.stack([torch.stack([peaks[0][0], peaks[1][0], peaks[2][0]]), whole[1]])
        people = [[(0, 0)], [(1, 0), (2, 0)], [(0, 1)]]
    found = whole[..., [1, 0, 2]] if people is None else torch.zeros(len(people), 3, 3)
    for row, person in zip(found, people or [], strict=False):
        for k, i in person:
            row[k] = peaks[k][i]
    assert mistake_in(found, whole, peaks) == mistake


def differ(wrong, inputs):
    people = (answer(**inputs).flatten(1).tolist() for answer in (wrong, REFERENCES["group_people"]))
    return len({str(sorted(found)) for found in people}) == 2


@eight_seeds
def test_the_nearest_end_is_often_the_wrong_one(seed):
    wrong = KNOWN_WRONG["group_people"]["nearest"]
    assert sum(differ(wrong, inputs) for inputs in drawn("group_people", "whole", seed)) >= 2
    assert differ(wrong, drawn("group_people", "affinity", seed)[3])


@eight_seeds
def test_fields_are_the_same_bits_on_every_machine(seed):
    for case in SIZES:
        for inputs in drawn("group_people", case, seed):
            assert torch.equal(inputs["fields"] * 256, (inputs["fields"] * 256).round())
            for peaks in inputs["peaks"]:
                assert torch.equal(peaks * 128, (peaks * 128).round())


# Whatever comes.


def test_a_case_fails_with_wrong_and_nothing_else():
    odd = [[torch.zeros(2).half()], {"a": [1]}, [[], torch.zeros(0)], torch.zeros(0, 0, 0), [[1, [2]]], [True, False]]
    for name in ("match_limbs", "group_people"):
        question = check.QUESTIONS[name]
        for case in question.cases.values():
            ask = local_ask(question, REFERENCES[name])
            for value in odd:
                with pytest.raises(Wrong):
                    case(
                        local_ask(question, lambda *_, value=value, **__: value),
                        np.random.RandomState(0),
                        lambda step, ask=ask, **inputs: (ask(step, **inputs), {}),
                    )


# More than there can be.


def three_of_each_pair(starts, ends, scores, threshold=0.0):
    return torch.zeros(3 * scores.numel() + 4, 2, dtype=torch.int8)


ABSURD = {
    "match_limbs-tensor": ("match_limbs", three_of_each_pair),
    "match_limbs-list": ("match_limbs", lambda *args, **options: three_of_each_pair(*args, **options).tolist()),
    "match_limbs-bools": ("match_limbs", lambda *args, **options: three_of_each_pair(*args, **options).bool()),
    "group_people": ("group_people", lambda peaks, *_: torch.zeros(sum(map(len, peaks)) + 4, len(peaks), 3)),
}


@pytest.mark.parametrize(("question", "answer"), ABSURD.values(), ids=ABSURD)
def test_more_than_there_can_be_is_refused_before_anything_is_judged(question, answer, capsys):
    """What judging and looking for a mistake cost grows with an answer: one of 64 MB took the grader half an hour."""
    points, named = hidden_marks(question, answer, 0)
    assert points == 0 and named == ["too_many"] * POINTS[question]

    def unasked(step, **inputs):
        raise AssertionError("the oracle is not asked")

    for case in check.QUESTIONS[question].cases.values():
        with pytest.raises(Wrong) as caught:
            case(local_ask(check.QUESTIONS[question], answer), np.random.RandomState(0), unasked)
        assert not any(sign.isdigit() for sign in caught.value.hint), "it could tell of hidden inputs"
    lines = said(check, question, answer, capsys).splitlines()
    assert "expected at most 4 pairs, one for each start" in lines[3] or "expected at most 6 people" in lines[3]
