"""Formulas are set as MathML: what tasks hold, what students type, and nothing that is more than a formula."""

from __future__ import annotations

import json
import re
import time

import pytest
from bs4 import BeautifulSoup
from toy_course import PROJECT

from grading.reporting.formulas import mathml

FORMULA = re.compile(r"(?<!\\)\$\$(.+?)\$\$|(?<![$\\])\$([^$\n]+)\$", re.DOTALL)


def inner(latex: str, display: bool = False) -> str:
    """Return what stands inside of the formula's outermost row."""
    found = mathml(latex, display)
    assert found is not None
    return found.partition("<mrow>")[2].removesuffix("</mrow></math>")


@pytest.mark.parametrize(
    ("latex", "expected"),
    [
        (r"x", "<mi>x</mi>"),
        (r"12.5", "<mn>12.5</mn>"),
        (r"x^12", "<msup><mi>x</mi><mrow><mn>1</mn></mrow></msup><mn>2</mn>"),
        (
            r"x_{ij}^2",
            "<msubsup><mi>x</mi><mrow><mrow><mi>i</mi><mi>j</mi></mrow></mrow><mrow><mn>2</mn></mrow></msubsup>",
        ),
        (r"\frac12", "<mstyle><mfrac><mn>1</mn><mn>2</mn></mfrac></mstyle>"),
        (r"a \le \alpha", "<mi>a</mi><mo>≤</mo><mi>α</mi>"),
        (r"\mathbb{R}", "<mi>ℝ</mi>"),
        (r"\text{if } x", "<mtext>if\u00a0</mtext><mi>x</mi>"),
        (r"\hat x", '<mover accent="true"><mrow><mi>x</mi></mrow><mo>^</mo></mover>'),
        (r"f'", "<msup><mi>f</mi><mrow><mo>′</mo></mrow></msup>"),
        (r"a < b", "<mi>a</mi><mo>&lt;</mo><mi>b</mi>"),
    ],
)
def test_a_formula_of_few_signs(latex, expected):
    assert inner(latex) == expected


def test_a_sum_has_its_limits_above_and_below_where_there_is_room():
    assert inner(r"\sum_i^n x", display=True).startswith("<munderover><mo>∑</mo>")
    assert inner(r"\sum_i^n x").startswith("<msubsup><mo>∑</mo>")
    assert 'display="block"' in mathml("x", display=True) and "display" not in mathml("x")


def test_a_matrix_is_a_table_in_its_brackets():
    soup = BeautifulSoup(mathml(r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}"), "html.parser")
    assert [[cell.get_text() for cell in row.find_all("mtd")] for row in soup.find_all("mtr")] == [
        ["1", "2"],
        ["3", "4"],
    ]
    assert [sign.get_text() for sign in soup.find_all("mo")] == ["(", ")"]


def test_every_formula_of_the_tasks_is_set():
    found = 0
    for path in sorted((PROJECT / "exercises").glob("*/*.ipynb")):
        for cell in json.loads(path.read_text())["cells"]:
            text = "".join(cell["source"]) if cell["cell_type"] == "markdown" else ""
            for block, line in FORMULA.findall(text):
                assert mathml(block or line, bool(block)), (path.name, block or line)
                found += 1
    assert found > 60


@pytest.mark.parametrize(
    "latex",
    [
        *("", r"\unknown{x}", r"\href{javascript:alert(1)}{x}", r"\frac{1}", "{x", "x}", r"\left( x", "a & b", "x^a^b"),
        *(r"\text{$x$}", r"\begin{pmatrix} 1", r"\begin{x} 1 \end{x}", r"\begin{pmatrix} 1 \end{cases}"),
        *("x" * 3_000, r"\hat" * 500 + "x", "{" * 900 + "}" * 900),
    ],
)
def test_what_is_not_understood_stays_as_it_was_typed(latex):
    assert mathml(latex) is None


@pytest.mark.parametrize(
    "latex",
    ["<script>alert(1)</script>", r"\text{<img src=x onerror=alert(1)>}", r"\mathrm{<b>}", '"><script>', r"\left< x"],
)
def test_a_formula_holds_no_tag_but_those_of_formulas(latex):
    page = mathml(latex)
    tags = {tag.name for tag in BeautifulSoup(page or "", "html.parser").find_all(True)}
    assert tags <= {"math", "mrow", "mi", "mo", "mn", "mtext", "msub", "msup"}
    assert "<script" not in (page or "") and "<img" not in (page or "") and "<b>" not in (page or "")


@pytest.mark.parametrize(
    "part", ["x_", "{", r"\frac", r"\left(", r"\begin{pmatrix}", "^", "'", r"\sqrt[", " ", "&", r"\text{"]
)
def test_no_formula_takes_long(part):
    started = time.process_time()
    mathml(part * (2_000 // len(part)))
    assert time.process_time() - started < 0.2
