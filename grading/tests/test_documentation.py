"""The documentation's pages: what they quote is said, what they show is there, and as a site they fetch nothing."""

import ast
import json
import re
from functools import cache
from importlib import _bootstrap as python_imports
from pathlib import Path

import pytest
import yaml

from tools.documentation import BROUGHT, fetched, four_spaces, moved
from tools.gallery import CHOSEN, FOLDER, LEFT_OUT, main

ROOT = Path(__file__).resolve().parents[2]
TROUBLE = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")
GAP = "\0"  # where something is filled in


# Troubleshooting: every sentence that stands there in backticks is one of the code


def said(source: str) -> list[str]:
    """Return the texts of a file of code, a gap for whatever is filled in; what is written in parts is joined."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else GAP for part in node.values]
            found.append("".join(map(str, parts)))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.append(re.sub(r"%[sdiga]|\{[^{}]*\}", GAP, node.value))
    return found


@cache
def files_of_code() -> dict[str, list[str]]:
    """Return the texts of each file that may speak to a student or an instructor, Python and JupyterLab included."""
    import jupyter_server.serverapp

    silent = {"tests", "known_wrong", "right_variants", "stand_ins", "sample_submissions", "people"}
    code = [path for place in ("helpers", "grading") for path in (ROOT / place).rglob("*.py")]
    own = [path for path in code if not silent & {*path.relative_to(ROOT).parts}]
    others = [Path(python_imports.__file__), Path(jupyter_server.serverapp.__file__)]
    texts = {str(path): said(path.read_text(encoding="utf-8")) for path in [*own, *others]}
    return {**texts, "system_packages.sh": [(ROOT / "tools/system_packages.sh").read_text()]}


def quotes(page: str) -> list[str]:
    """Return what stands in backticks in the first column of tables and reads as a sentence or has a gap."""
    cells = [line.split("|")[1] for line in page.splitlines() if line.startswith("|") and not line.startswith("|---")]
    found = [quote for cell in cells for quote in re.findall(r"`([^`]+)`", cell)]
    return [quote for quote in found if quote.count(" ") >= 2]


def told(quote: str) -> bool:
    """Return whether one file says all parts of a quote, `...` standing for whatever is filled in."""
    parts = [part.strip(" .,:()") for part in quote.split("...")]
    parts = [part for part in parts if len(part) > 1]
    assert parts, f"{quote!r} says nothing of its own"
    return any(all(any(part in text for text in texts) for part in parts) for texts in files_of_code().values())


@pytest.mark.parametrize("quote", quotes(TROUBLE))
def test_every_quoted_sentence_is_said_by_the_code(quote):
    assert told(quote)


def test_a_sentence_that_nobody_says_is_found():
    assert len(quotes(TROUBLE)) >= 50
    assert told("The table of checks ... is missing.") and not told("The table of checks ... is blue.")
    assert not told("The weights in ... are of another planet")


# The gallery


def test_the_gallery_shows_every_chosen_cell_with_its_text():
    page = (ROOT / "docs/gallery.md").read_text(encoding="utf-8")
    shown = dict(re.findall(r"!\[([^\]]+)\]\(pictures/gallery/([\w-]+\.webp)\)", page))
    wanted = [f"{exercise}-{cell}.webp" for exercise, (_, cells) in CHOSEN.items() for cell in cells]
    assert list(shown.values()) == wanted and "python -m tools.gallery" in page
    assert sorted(path.name for path in FOLDER.iterdir()) == sorted(wanted)
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 1_000_000


@pytest.mark.parametrize(
    ("words", "status", "said"), [(["--help"], 0, "usage: "), (["ex99"], 2, "gets an entry in CHOSEN")]
)
def test_the_gallery_answers_in_sentences_and_draws_nothing(capsys, words, status, said):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == status and said in "".join(capsys.readouterr()).replace("\n", " ")


@pytest.mark.parametrize("exercise", CHOSEN)
def test_the_gallery_takes_cells_that_draw_and_need_no_training(exercise):
    cells = json.loads((ROOT / f"solutions/{exercise}/{exercise}.ipynb").read_text(encoding="utf-8"))["cells"]
    sources = {cell["id"]: "".join(cell["source"]) for cell in cells}
    for cell in CHOSEN[exercise][1]:
        assert re.search(r"pictures\.\w+\(|_explorer\(", sources[cell]) and not LEFT_OUT.search(sources[cell]), cell


# The site


def test_every_page_of_docs_is_in_the_navigation_once():
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    shown = re.findall(r"(?<=[ :-])(\w+\.md)$", text[text.index("nav:") :], re.M)
    there = [path.name for path in (ROOT / "docs").glob("*.md")]
    assert sorted(shown) == sorted([*there, *BROUGHT.values()])


def test_links_out_of_docs_lead_to_pages_and_files_of_the_site():
    text = "[a](../README.md#figures) [b](../nbgrader_config.py) [c](pictures/why.png) [d](#x) `[e](../README.md)`"
    assert moved(text, "docs/students.md", "students.md") == (
        "[a](readme.md#figures) [b](files/nbgrader_config.py) [c](pictures/why.png) [d](#x) `[e](../README.md)`"
    )


def test_links_of_a_page_from_outside_docs_follow_it():
    text = "[a](docs/students.md) [b](.gitlab-ci.yml) [c](data/licenses) [d](benchmarks/results/starts.json#x)"
    assert moved(text, "README.md", "readme.md") == (
        "[a](students.md) [b](files/gitlab-ci.yml) c [d](files/benchmarks/results/starts.json)"
    )


def test_what_belongs_to_an_item_stands_four_spaces_in():
    before = "1. `a`\n\n   ```\n   x\n   ```\n2. b\n   c\n\n- d\n  e\n\nf\n   g\n"
    after = "1. `a`\n\n    ```\n    x\n    ```\n\n2. b\n    c\n\n- d\n    e\n\nf\n   g\n"
    assert four_spaces(before) == after


@pytest.mark.parametrize(
    "page",
    [
        '<script src="https://unpkg.com/x.js"></script>',
        '<link rel="stylesheet" href="//fonts.example.org/a.css">',
        '<link rel="preconnect" href="https://fonts.example.org">',
        '<img alt="" src="http://a.org/b.png">',
        '<img alt="" src="b.png" srcset="b.png 1x, https://a.org/b.png 2x">',
        '<p style="background: url(https://a.org/b.png)">',
        '<object data="https://a.org/b.svg"></object>',
    ],
)
def test_what_a_page_would_fetch_is_found(page):
    assert len(fetched(page)) == 1


def test_a_link_is_not_fetched_nor_is_what_lies_beside_the_page():
    page = '<link rel="canonical" href="https://a.org/"><a href="https://a.org">a</a><img alt="" src="a.png">'
    assert fetched(page + '<script src="assets/x.js"></script>') == []


def test_the_theme_fetches_no_fonts_and_names_no_host():
    text = re.sub(r"!!python/\S+", "", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    settings = yaml.safe_load(text)
    assert settings["theme"]["font"] is False and settings["strict"] is True
    assert not {"repo_url", "site_url", "extra_javascript"} & set(settings)
