"""Whether this code runs in a notebook, and what is shown below its cells."""

import sys
from typing import Any

__all__ = ["in_notebook", "show_html"]


def in_notebook() -> bool:
    """Return whether a Jupyter front end shows what this process displays."""
    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython

    return hasattr(get_ipython(), "kernel")


def show_html(markup: str, place: Any = None) -> Any:
    """Show HTML below the cell that runs, or in the `place` that an earlier call returned; return its place."""
    from IPython.display import HTML, display

    content = HTML(markup)  # type: ignore[no-untyped-call]  # IPython has no types
    if place is None:
        return display(content, display_id=True)  # type: ignore[no-untyped-call]  # as above
    place.update(content)
    return place
