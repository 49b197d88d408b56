"""Every link of every page leads somewhere; nothing is fetched."""

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from repository import listed

from tools.links import ADDRESS, anchors, links

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    path
    for place in ("*.md", "docs/**/*.md", "data/**/*.md", ".github/**/*.md", "helpers/**/*.md", "grading/*.md")
    for path in ROOT.glob(place)
)


def fault(page: Path, target: str) -> str | None:
    """Return what is wrong with a link on a page, or None."""
    if ADDRESS.match(target):
        parts = urlsplit(target)
        there = parts.scheme in ("http", "https") and re.fullmatch(r"([\w-]+\.)+[a-z]{2,}", parts.hostname or "")
        return None if there or parts.scheme == "mailto" else "no address that a browser could open"
    place, _, anchor = target.partition("#")
    path = (page.parent / unquote(place)).resolve() if place else page
    if not path.exists() or not path.is_relative_to(ROOT):
        return "no such file"
    names = {other.name for other in path.parent.iterdir()}  # also where a disk takes Photos.md for photos.md
    if path.name not in names:
        return f"no such file; there are {sorted(names)}"
    if anchor and path.suffix == ".md" and unquote(anchor) not in anchors(path.read_text(encoding="utf-8")):
        return "no such heading"
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_a_heading_that_are_there(page):
    found = links(page.read_text(encoding="utf-8"))
    wrong = {f"line {one.line}: {one.target}": fault(page, one.target) for one in found}
    assert {link: why for link, why in wrong.items() if why} == {}


def test_no_page_is_forgotten():
    assert {ROOT / name for name in listed("*.md")} <= set(PAGES)


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("docs/students.md", None),
        ("docs/students.md#when-something-fails", None),
        ("docs/students.md#when-nothing-fails", "no such heading"),
        ("docs/nobody.md", "no such file"),
        ("../elsewhere.md", "no such file"),
        ("#the-house", None),
        ("#no-house", "no such heading"),
        ("https://arxiv.org/abs/1804.06208", None),
        ("https://", "no address"),
        ("http://localhost:8888/lab", "no address"),
        ("htps://arxiv.org", "no address"),
    ],
)
def test_a_link_that_leads_nowhere_is_told_from_one_that_does(target, why):
    found = fault(ROOT / "CONTRIBUTING.md", target)
    assert found is why is None or found.startswith(why)


PAGE = """# One `house`, two roofs!

[a](x.md) ![picture](a%20b.png "title") <https://a.org> `[no](link.md)` [`b`](y_(1).md#z)
```
[no](link.md)
# no heading
```
[c]: z.md
## Rooms
## Rooms
"""


def test_links_are_found_where_they_stand_and_not_in_code():
    found = links(PAGE)
    assert [one.target for one in found] == ["x.md", "a%20b.png", "https://a.org", "y_(1).md#z", "z.md"]
    assert all(PAGE[one.start : one.end] == one.target for one in found)
    assert [one.line for one in found] == [3, 3, 3, 3, 8]


def test_headings_make_the_anchors_that_github_gives_them():
    assert anchors(PAGE) == {"one-house-two-roofs", "rooms", "rooms-1"}
