"""The licences of COCO's photos by COCO's numbers, which are the photo site's own, and which of them allow a pack."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

__all__ = ["LICENCES", "Licence", "require_allowed"]


@dataclasses.dataclass(frozen=True)
class Licence:
    """A licence that allows crops to be handed on.

    Args:
        name: as it stands in ATTRIBUTION.csv.
        url: its text.
    """

    name: str
    url: str


LICENCES = {
    4: Licence("CC BY 2.0", "https://creativecommons.org/licenses/by/2.0/"),
    5: Licence("CC BY-SA 2.0", "https://creativecommons.org/licenses/by-sa/2.0/"),
    7: Licence("No known copyright restrictions", "https://www.flickr.com/commons/usage/"),
}
NON_COMMERCIAL = "allows no commercial use, which nobody can promise of a file that is handed on"
NO_CHANGES = "allows no changed copies to be handed on, and a crop is one"
NEVER = {
    1: ("CC BY-NC-SA 2.0", NON_COMMERCIAL), 2: ("CC BY-NC 2.0", NON_COMMERCIAL),
    3: ("CC BY-NC-ND 2.0", f"{NON_COMMERCIAL}, and {NO_CHANGES}"), 6: ("CC BY-ND 2.0", NO_CHANGES),
    8: ("United States Government Work", "is free of copyright in the United States only"),
}  # fmt: skip


def require_allowed(numbers: Sequence[int]) -> None:
    """Raise ValueError, saying why, where one of COCO's numbers is no licence that allows a pack."""
    for number in numbers:
        if number in NEVER:
            name, reason = NEVER[number]
            raise ValueError(f"licence {number} ({name}) {reason}; expected some of 4, 5 and 7.")
        if number not in LICENCES:
            raise ValueError(
                f"COCO has no licence {number}; expected some of 4 (CC BY), 5 (CC BY-SA) and 7 (none known)."
            )
