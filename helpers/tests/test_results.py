import json
import math

import pytest
import torch

from helpers import Results


def test_a_row_is_there_in_the_next_notebook(tmp_path):
    Results(tmp_path / "results.json").add("mean pose", **{"MPJPE": 29.5, "PCK@0.5": torch.tensor(0.25)})
    again = Results(tmp_path / "results.json")
    assert again.rows == {"mean pose": {"MPJPE": 29.5, "PCK@0.5": 0.25}}
    assert [p.name for p in tmp_path.iterdir()] == ["results.json"]


def test_a_row_of_the_same_name_is_replaced(tmp_path):
    table = Results(tmp_path / "results.json")
    table.add("a", x=1)
    table.add("b", x=2)
    table.add("a", y=3)
    assert table.rows == {"a": {"y": 3.0}, "b": {"x": 2.0}}
    assert Results(tmp_path / "results.json").rows == table.rows


def test_rows_of_two_open_notebooks_are_both_kept(tmp_path):
    first, second = Results(tmp_path / "results.json"), Results(tmp_path / "results.json")
    first.add("a", x=1)
    second.add("b", x=2)
    assert list(Results(tmp_path / "results.json").rows) == ["a", "b"]


def test_the_default_lies_beside_the_notebook_and_shows_earlier_exercises(tmp_path, monkeypatch, capsys):
    for exercise, row in (("ex01_pose_regression", "regression"), ("ex02_softargmax", "softargmax")):
        (tmp_path / exercise).mkdir()
        monkeypatch.chdir(tmp_path / exercise)
        Results().add(row, MPJPE=1)
    table = Results()
    assert list(table.all_rows()) == ["regression", "softargmax"] and list(table.rows) == ["softargmax"]
    table.show()
    assert "regression" in capsys.readouterr().out


def test_only_the_rows_of_one_measure_are_shown_with_their_columns(tmp_path, capsys):
    table = Results(tmp_path / "results.json")
    table.add("regression", MPJPE=11.5, seconds=75)
    table.add("U-Net", mIoU=0.61, seconds=70)
    table.show(having="mIoU")
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["method", "mIoU", "seconds"],
        ["U-Net", "0.61", "70"],
    ]
    table.show(having="AP")
    assert capsys.readouterr().out == "No results yet.\n"


def test_a_count_is_shown_in_full_and_a_measure_in_four_digits(tmp_path):
    table = Results(tmp_path / "results.json")
    table.add("U-Net", mIoU=0.567891, parameters=355698, none=0)
    assert str(table).split()[-4:] == ["U-Net", "0.5679", "355,698", "0"]


def test_text_and_html_hold_every_number(tmp_path):
    table = Results(tmp_path / "results.json")
    assert str(table) == "No results yet." and "No results" in table._repr_html_()
    table.add("a <b>", MPJPE=1234.5678, share=0.123456)
    table.add("second", seconds=math.nan, MPJPE=2)
    lines = str(table).splitlines()
    assert lines[0].split() == ["method", "MPJPE", "share", "seconds"] and len({len(line) for line in lines}) == 1
    assert lines[1].split() == ["a", "<b>", "1,235", "0.1235", "–"] and lines[2].split() == ["second", "2", "–", "–"]
    assert "a &lt;b&gt;" in table._repr_html_() and "<td>0.1235</td>" in table._repr_html_()


@pytest.mark.parametrize(
    ("value", "told"),
    [(348449, "348,449"), (2308946, "2,308,946"), (999.96, "1000"), (75.0, "75"), (0.36476, "0.3648")],
)
def test_a_number_is_told_as_one_reads_it(tmp_path, value, told):
    table = Results(tmp_path / "results.json")
    table.add("a", x=value)
    assert str(table).split()[-1] == told and f"<td>{told}</td>" in table._repr_html_()


def test_nan_is_kept_as_plain_json(tmp_path):
    table = Results(tmp_path / "results.json")
    table.add("a", x=math.nan)
    json.loads((tmp_path / "results.json").read_text(), parse_constant=pytest.fail)
    assert math.isnan(Results(tmp_path / "results.json").rows["a"]["x"])


@pytest.mark.parametrize("content", ["{", "[1]", '{"a": 1}', '{"a": {"x": "text"}}', ""], ids=str)
def test_a_damaged_file_is_set_aside(tmp_path, capsys, content):
    path = tmp_path / "results.json"
    path.write_text(content)
    table = Results(path)
    assert "was damaged; it is kept as results.damaged-" in capsys.readouterr().out
    table.add("a", x=1)
    kept = [p for p in tmp_path.iterdir() if "damaged" in p.name]
    assert len(kept) == 1 and kept[0].read_text() == content and list(Results(path).rows) == ["a"]


def test_what_is_no_number_is_refused(tmp_path):
    table = Results(tmp_path / "results.json")
    with pytest.raises(TypeError, match="x of 'a' is 'text'; expected one number"):
        table.add("a", x="text")
    with pytest.raises(TypeError, match="expected one number"):
        table.add("a", x=torch.ones(2))
    with pytest.raises(ValueError, match="row's name is ''"):
        table.add("", x=1)


def test_nowhere_to_write_is_a_sentence(tmp_path, capsys):
    table = Results(tmp_path / "no" / "results.json")
    table.add("a", x=1)
    assert "cannot be written" in capsys.readouterr().out and table.rows["a"] == {"x": 1.0}


def test_rows_of_photos_stand_beside_those_of_rendered_people(tmp_path):
    path = tmp_path / "ex01" / "results.json"
    path.parent.mkdir()
    Results(path, data="rendered_people").add("regression", MPJPE=11.0)
    photos = Results(path, data="coco")
    photos.add("regression", MPJPE=30.0)
    photos.add("regression", **photos.row("regression"), PCK=0.5)
    assert Results(path).all_rows() == {"regression": {"MPJPE": 11.0}, "regression, coco": {"MPJPE": 30.0, "PCK": 0.5}}
    assert photos.row("nothing") == {} and Results(path).row("regression") == {"MPJPE": 11.0}
