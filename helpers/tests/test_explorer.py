import pytest
import torch

from helpers import pictures
from helpers.pictures.explorer import FIRST, SIZE, example_scores, temperature_explorer, temperature_picture


def expectation(scores, beta=1.0):
    """A soft argmax on the full grid, unlike the exercise's answer."""
    shares = torch.exp(torch.log_softmax((beta * scores).flatten(2), -1))
    grid = torch.stack(torch.meshgrid(torch.arange(24.0), torch.arange(16.0), indexing="xy"), -1).flatten(0, 1)
    return shares @ grid


def test_the_peak_lies_where_it_is_said():
    index = example_scores(8.0).flatten().argmax().item()
    assert (index % SIZE[1], index // SIZE[1]) == FIRST


@pytest.mark.parametrize(("beta", "place"), [(20.0, "x 5.00, y 4.00"), (0.001, "x 11.50, y 7.50")])
def test_the_text_tells_where_the_expected_place_is(beta, place):
    """Sharp: the peak. Flat: the middle of 24 x 16 pixels."""
    assert place in temperature_picture(expectation, beta).alt


def test_two_equal_peaks_are_answered_in_between():
    assert "x 11.00, y 7.50" in temperature_picture(expectation, 5.0, 8.0, 8.0).alt


def test_a_hard_argmax_is_drawn_without_a_gradient():
    def hard(scores, beta):
        return torch.tensor([[[5.0, 4.0]]])

    picture = temperature_picture(hard)
    assert "up to 0" in picture.figure.axes[2].get_title()


def test_a_wrong_shape_is_said():
    with pytest.raises(ValueError, match=r"softargmax returned \(1, 2\) for one map"):
        temperature_picture(lambda scores, beta: torch.zeros(1, 2))


def test_outside_a_notebook_it_says_what_to_do(capsys):
    temperature_explorer(expectation)
    assert "save('beta.png')" in capsys.readouterr().out


def test_map_grid_draws_each_map_with_its_name():
    maps = torch.zeros(3, 4, 6)
    maps[0, 1, 5], maps[1, 3, 2], maps[2] = 0.5, 1.25, -1.0
    picture = pictures.map_grid(
        maps, titles=["a", "b", "c"], images=torch.rand(3, 8, 12), points=torch.ones(3, 2), columns=2, title="Maps"
    )
    highest = "a up to 0.5 at x 5, y 1, b up to 1.25 at x 2, y 3, c up to -1 at x 0, y 0"
    assert picture.alt == f"Maps: 3 maps of 4 x 6: {highest}"
    assert [axis.get_title() for axis in picture.figure.axes[:3]] == ["a", "b", "c"]


@pytest.mark.parametrize(("arguments", "words"), [
    ({"maps": torch.rand(0, 4, 6)}, "There are 0 maps"),
    ({"maps": torch.rand(2, 4, 6), "titles": ["a"]}, "1 titles for 2 maps"),
    ({"maps": torch.rand(4, 6)}, "maps has shape"),
])  # fmt: skip
def test_map_grid_refuses_what_does_not_fit(arguments, words):
    with pytest.raises(ValueError, match=words):
        pictures.map_grid(**arguments)
