"""Whether this code runs in a notebook, and what is shown below its cells."""

import sys
from typing import Any

__all__ = ["HtmlOutput", "in_notebook", "show_html"]


def in_notebook() -> bool:
    """Return whether a Jupyter front end shows what this process displays."""
    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython

    shell = get_ipython()
    return shell is not None and hasattr(shell, "kernel")


def show_html(markup: str) -> None:
    """Show HTML below the cell that runs."""
    from IPython.display import HTML, display

    display(HTML(markup))  # type: ignore[no-untyped-call]  # IPython's display has no types


class HtmlOutput:
    """HTML in one place below a cell: the first `update` shows it, each later one takes its place."""

    def __init__(self) -> None:
        self._handle: Any = None  # IPython's DisplayHandle, which has no types

    def update(self, markup: str) -> None:
        """Show this HTML in place of what was shown before."""
        from IPython.display import HTML, display

        content = HTML(markup)  # type: ignore[no-untyped-call]  # IPython has no types
        if self._handle is None:
            self._handle = display(content, display_id=True)  # type: ignore[no-untyped-call]  # as above
        else:
            self._handle.update(content)
