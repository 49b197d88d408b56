"""A picture with a slider for each of its knobs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from helpers.notebook import HtmlOutput, in_notebook, show_html

if TYPE_CHECKING:
    from helpers.pictures.figure import Picture


def show_with_sliders(
    what: str, call: str, draw: Callable[..., Picture], make_sliders: Callable[[], dict[str, Any]], columns: int
) -> None:
    """Show what `draw` returns and, where the notebook has widgets, the sliders that change it.

    The picture is ordinary output: it stays in the saved notebook, where sliders do not work.

    Args:
        what: what to call it, such as "gallery".
        call: code that keeps the picture in a file, for who has no notebook.
        draw: from the values of the sliders, by name, to a picture; its defaults are drawn where there are none.
        make_sliders: the widgets by name; raises ImportError where ipywidgets is missing.
        columns: widgets side by side.
    """
    if not in_notebook():
        print(f"The {what} shows itself in notebooks; {call} keeps its picture.")
        return
    try:
        sliders = make_sliders()
    except ImportError:
        show_html(draw().html())
        print(f"With ipywidgets (pip install ipywidgets) the {what} has sliders.")
        return
    _show_in_rows(list(sliders.values()), columns)
    output = HtmlOutput()

    def update(_: object = None) -> None:
        output.update(draw(**{name: slider.value for name, slider in sliders.items()}).html())

    update()
    for slider in sliders.values():
        slider.observe(update, names="value")


def _show_in_rows(widgets: list[Any], columns: int) -> None:
    import ipywidgets
    from IPython.display import display

    rows = [ipywidgets.HBox(widgets[i : i + columns]) for i in range(0, len(widgets), columns)]
    display(ipywidgets.VBox(rows))  # type: ignore[no-untyped-call]  # IPython's display has no types
