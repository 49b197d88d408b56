"""A picture with a slider for each of its knobs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from helpers.notebook import in_notebook, show_html

if TYPE_CHECKING:
    from helpers.pictures.figure import Picture


def show_with_sliders(
    what: str, call: str, draw: Callable[..., Picture], make_sliders: Callable[[], dict[str, Any]]
) -> None:
    """Show what `draw` returns, which stays in the saved notebook, and sliders that change it, where there are widgets.

    Args:
        what: what to call it, such as "gallery".
        call: code that keeps the picture in a file, for who has no notebook.
        draw: from the values of the sliders, by name, to a picture; its defaults are drawn where there are none.
        make_sliders: the widgets by name; raises ImportError where ipywidgets is missing.
    """
    if not in_notebook():
        print(f"The {what} shows itself in notebooks; {call} keeps its picture.")
        return
    from IPython.display import display

    try:
        sliders = make_sliders()
    except ImportError:
        show_html(draw().html())
        print(f"With ipywidgets (pip install ipywidgets) the {what} has sliders.")
        return
    from ipywidgets import Box

    display(Box(list(sliders.values()), layout={"flex_flow": "row wrap"}))  # type: ignore[no-untyped-call]
    place = None

    def update(_: object = None) -> None:
        nonlocal place
        place = show_html(draw(**{name: slider.value for name, slider in sliders.items()}).html(), place)

    update()
    for slider in sliders.values():
        slider.observe(update, names="value")
