"""The colours of pictures, which colour-blind readers can tell apart (Okabe and Ito 2008, and a few more)."""

from matplotlib.colors import Colormap, LinearSegmentedColormap

from helpers.data.skeletons import Skeleton

BLACK, ORANGE, SKY, GREEN, YELLOW, BLUE, VERMILION, PURPLE = COLOURS = (
    "#000000", "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
)  # fmt: skip
WHITE = "#FFFFFF"
SERIES = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK)
LEFT, RIGHT, MIDDLE = SKY, ORANGE, YELLOW
OF_PERSON = (ORANGE, SKY, YELLOW, PURPLE, VERMILION, GREEN, WHITE, BLUE)  # from the ninth person on they come again
# Okabe and Ito's colours, and four more that stay apart from these and from grey also for who sees no red, green or
# blue; from the twelfth class on they come again.
OF_CLASS = (BLACK, ORANGE, YELLOW, SKY, BLUE, VERMILION, GREEN, "#9900FF", "#663311", "#BBFFAA", "#331199")
VOID_GREY = "#BBBBBB"


def side_colour(skeleton: Skeleton, *keypoints: int) -> str:
    """Return the colour of the side on which all of these keypoints are: left blue, right orange, else yellow."""
    sides = {skeleton.keypoint_names[k].partition("_")[0] for k in keypoints}
    return LEFT if sides == {"left"} else RIGHT if sides == {"right"} else MIDDLE


def person_colour(number: int) -> str:
    """Return the colour of the person of this number in an image."""
    return OF_PERSON[number % len(OF_PERSON)]


def class_colours(count: int) -> list[str]:
    """Return a colour for each of `count` classes."""
    return [OF_CLASS[index % len(OF_CLASS)] for index in range(count)]


def blue_to_red() -> Colormap:
    """Return a scale of colours for signed numbers: blue below zero, white at it, red above."""
    return LinearSegmentedColormap.from_list("blue to red", [BLUE, WHITE, VERMILION], N=255)  # odd: 0 is white
