"""Where this code runs: in a notebook, or not."""

from __future__ import annotations

import sys


def in_notebook() -> bool:
    """Return whether a Jupyter front end shows what this process displays."""
    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython

    shell = get_ipython()
    return shell is not None and hasattr(shell, "kernel")
