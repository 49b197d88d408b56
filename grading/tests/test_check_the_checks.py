"""What `make check-the-checks` counts and says; and the part of it that runs with every change."""

from __future__ import annotations

import re
from collections import Counter

import answer_bank
import pytest
import torch
from answer_bank import EXERCISES, NETWORKS
from strangers import STRANGERS

from tools.check_the_checks.__main__ import main
from tools.check_the_checks.measures import MEASURES, Found, measured
from tools.check_the_checks.numbers import _computed_in_float64, _numbers, alarm, seeds_of
from tools.check_the_checks.sentence_table import sentence_table
from tools.check_the_checks.table import between, goals, table, unlike

ALL_WAYS = 6  # three precisions with one thread or two
GOOD = Counter(
    {"right": 5, "right passed": 5, "wrong": 9, "wrong caught": 9, "wrong named": 9, "wrong alike": 9, "seeds": 200}
    | {"strangers": 50, "strangers with a name": 40, "strangers named": 36, "strangers misnamed": 1}
)


@pytest.mark.filterwarnings("ignore:'mode' parameter is deprecated:DeprecationWarning")  # Pillow of a right variant
@pytest.mark.parametrize("question", [question for question in EXERCISES if question not in NETWORKS])
def test_right_work_passes_in_other_numbers(question):
    assert [said for seed in range(ALL_WAYS) if (said := alarm(question, seed))] == []


def test_a_false_alarm_tells_the_answer_the_seed_and_the_numbers(monkeypatch):
    monkeypatch.setitem(answer_bank.RIGHT, "mpjpe", {"rounded": lambda *a: answer_bank.REFERENCES["mpjpe"](*a).round()})
    assert re.match(r"rounded, seed 3, float64 inputs, 2 threads: values: mpjpe\(.* gave ", alarm("mpjpe", 3))


def test_every_way_of_numbers_has_its_turn():
    assert len({_numbers("mpjpe", turn) for turn in range(ALL_WAYS)}) == ALL_WAYS
    assert {_numbers("PoseRegressor", turn) for turn in range(ALL_WAYS)} == {("as drawn", 1), ("as drawn", 2)}
    assert min(map(seeds_of, EXERCISES)) >= 30 and seeds_of("mpjpe") == 200


def test_an_answer_computed_in_float64_gets_it_and_gives_what_it_was_given():
    seen = []

    def halves(numbers, *, scale):
        seen.append((numbers[0].dtype, scale))
        return {"half": numbers[0] / scale, "index": torch.arange(2)}

    one = torch.ones(2)
    found = _computed_in_float64(halves)([one], scale=2)
    assert seen == [(torch.float64, 2)] and found["half"].dtype == torch.float32 and found["index"].dtype == torch.int64
    assert _computed_in_float64(halves)([one.double()], scale=2)["half"].dtype == torch.float64


@pytest.mark.parametrize("measure", MEASURES)
def test_every_measure_counts_a_part_of_a_question(measure):
    question, found, seconds = measured(("argmax_decode", measure, 0, 40))
    assert question == "argmax_decode" and seconds > 0
    assert sum(found.counts.values()) > 0 and not [line for line in found.off if "no case holds" not in line]


def test_what_is_found_of_parts_is_added_up():
    found = Found(Counter(right=1), ["one"], ["a"])
    found += Found(Counter(right=2, wrong=1), ["two"], ["b"])
    assert found == Found(Counter(right=3, wrong=1), ["one", "two"], ["a", "b"])


def test_every_stranger_that_the_two_checks_tell_otherwise_stands_below_the_table():
    """So the figures of `visible = hidden` explain themselves."""
    prior = "distance_prior_or_nobody_linked__openpose"  # was told by one of the two alone, until limbs lay and stood
    found = MEASURES["strangers"]("group_people", list(STRANGERS["group_people"]).index(prior), 99)
    assert found.counts["strangers"] == found.counts["strangers alike"] == 1 and found.unlike == []
    assert unlike({"group_people": []}) == ""
    assert "\n* `group_people`, `one`: hidden, visible.\n" in unlike({"group_people": ["`one`: hidden, visible"]})
    total = next(row for row in between("figures").splitlines() if row.startswith("| **all** "))
    alike, asked = total.split(" | ")[3].split(" / ")
    assert int(asked) - int(alike) == between("figures").count("the visible one ")


def test_the_table_has_a_row_for_each_question_and_the_totals_last():
    rows = table({"mpjpe": GOOD, "pck": GOOD}, {"mpjpe": 1.2, "pck": 2.4}).splitlines()
    assert [row.split(" | ")[0] for row in rows[2:]] == ["| `mpjpe`", "| `pck`", "| **all**"]
    assert rows[-1].split(" | ")[1:3] == ["10 / 10", "18, 18 / 18"] and rows[-1].endswith("| 4 |")
    assert {row.count(" | ") for row in rows} == {8}


def test_a_goal_that_is_missed_is_said():
    assert goals({"mpjpe": GOOD}) == []
    assert "88% of the strangers are rightly named" in goals({"mpjpe": GOOD - Counter({"strangers named": 1})})[0]
    assert "4.0% of the strangers are misnamed" in goals({"mpjpe": GOOD + Counter({"strangers misnamed": 1})})[0]


def test_a_question_that_is_not_there_is_named(capsys):
    with pytest.raises(SystemExit):
        main(["mpjp"])
    assert "no question is called mpjp; there are mpjpe, pck" in capsys.readouterr().err


def test_the_sentences_in_the_docs_are_those_of_the_tasks():
    assert between("sentences") == sentence_table(), (
        "run python -m tools.check_the_checks --sentences (make release does)"
    )
