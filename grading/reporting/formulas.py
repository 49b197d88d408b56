r"""Formulas of a page, set by the page's reader without a script and without a network: LaTeX becomes MathML.

    mathml(r"\frac{1}{2}")      "<math ...><mfrac>...", or None for what is not understood: it stays as it was typed

It knows what the course's tasks and answers to them use: fractions, roots, scripts, sums, Greek, accents, fences,
matrices, cases and text. Every tag is written here and every sign escaped, so no formula is more than a formula. How
the classes "left", "right" and "bold" look is in the templates of pages.
"""

from __future__ import annotations

import contextlib
import html
import re
from collections.abc import Callable, Iterator

from grading.reporting import symbols
from grading.reporting.symbols import FENCES, LARGE, LETTERS, LIMITS, SPACES

__all__ = ["mathml"]

MOST_SIGNS, DEEPEST = 2_000, 40
TOKEN = re.compile(r"\\operatorname\*|\\[A-Za-z]+|\\.|\s+|.", re.DOTALL)
BRACKETS = {"matrix": "..", "pmatrix": "()", "bmatrix": "[]", "vmatrix": "||", "Vmatrix": "‖‖", "cases": "{."}
LINED = {"aligned", "align", "align*", "gather", "gather*", "gathered", "split", "equation", "equation*", "array"}
SIZES = re.compile(r"\\(?:[bB]igg?[lrm]?|displaystyle|textstyle|limits|nolimits|mathstrut)")
FRACTIONS = {"frac": "", "dfrac": ' displaystyle="true"', "tfrac": ' displaystyle="false"'}
UPRIGHT = {"mathrm", "mathsf", "mathtt", "operatorname", "operatorname*"}
BOLD = {"mathbf", "boldsymbol", "bm"}
TEXTS = {"text", "textrm", "textit", "textsf", "textnormal", "mbox", "textbf", "texttt"}


class _NotUnderstood(Exception):
    """It is no formula, or one of more than this knows."""


def mathml(latex: str, display: bool = False) -> str | None:
    """Return a formula as MathML; None where it is not understood, too long or nested too deeply.

    Args:
        latex: what stands between the dollars.
        display: whether it stands on a line of its own.
    """
    if len(latex) > MOST_SIGNS:
        return None
    try:
        inner = _Formula(latex, display).whole()
    except _NotUnderstood:
        return None
    block = ' display="block"' if display else ""
    return f'<math{block} alttext="{html.escape(latex.strip())}"><mrow>{inner}</mrow></math>'


def _tag(name: str, inner: str, attributes: str = "") -> str:
    return f"<{name}{attributes}>{inner}</{name}>"


def _sign(name: str, text: str, attributes: str = "") -> str:
    return _tag(name, html.escape(text), attributes)


def _space(em: float) -> str:
    return f'<mspace width="{em:g}em"></mspace>'


class _Formula:
    """One formula that is read from left to right; every method returns the MathML of what it has read."""

    def __init__(self, latex: str, display: bool) -> None:
        self.tokens: list[str] = TOKEN.findall(latex)
        self.place = self.depth = 0
        self.display = display

    def whole(self) -> str:
        inner = self.row()
        if self.place < len(self.tokens) or not inner:
            raise _NotUnderstood
        return inner

    # --- tokens ------------------------------------------------------------------------------------------------------

    def next(self) -> str:
        """Return the next token that is no white space, without taking it; "" at the end."""
        while self.place < len(self.tokens) and self.tokens[self.place].isspace():
            self.place += 1
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def take(self) -> str:
        token = self.next()
        self.place += 1
        return token

    def expect(self, token: str) -> None:
        if self.take() != token:
            raise _NotUnderstood

    def raw(self) -> str:
        """Return what stands in braces as it is, white space too."""
        self.expect("{")
        begin, open_ = self.place, 1
        while open_:
            if self.place >= len(self.tokens):
                raise _NotUnderstood
            open_ += {"{": 1, "}": -1}.get(self.tokens[self.place], 0)
            self.place += 1
        return "".join(self.tokens[begin : self.place - 1])

    # --- rows and their parts ----------------------------------------------------------------------------------------

    def row(self) -> str:
        """Return everything up to what ends a row: a closing brace, a cell's or a line's end, \\right, \\end."""
        parts = []
        with self.deeper():
            while self.next() not in ("", "}", "&", "\\\\", "\\right", "\\end"):
                parts.append(self.scripted())
        return "".join(parts)

    @contextlib.contextmanager
    def deeper(self) -> Iterator[None]:
        """Count one level more, of which there are not too many: Python's own stack is finite, too."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise _NotUnderstood
        yield
        self.depth -= 1

    def scripted(self) -> str:
        """Return the next part with what stands below, above and after it."""
        large = self.next()[1:] in LARGE.keys() - {"int", "iint", "oint"} or self.next()[1:] in LIMITS
        base = ("" if self.next() in ("^", "_", "'") else self.atom()) or "<mrow></mrow>"
        below = above = ""
        while SIZES.fullmatch(self.next()) or self.next() in ("^", "_", "'"):
            if SIZES.fullmatch(self.next()):
                self.take()
            elif self.next() == "'":
                above += self.primes()
            elif self.take() == "_" and not below:
                below = self.argument()
            elif self.tokens[self.place - 1] == "^" and not above:
                above = self.argument()
            else:
                raise _NotUnderstood
        names = ("munder", "mover", "munderover") if large and self.display else ("msub", "msup", "msubsup")
        if below and above:
            return _tag(names[2], f"{base}{_tag('mrow', below)}{_tag('mrow', above)}")
        if below or above:
            return _tag(names[0] if below else names[1], base + _tag("mrow", below or above))
        return base

    def primes(self) -> str:
        count = 0
        while self.next() == "'":
            self.take()
            count += 1
        return _sign("mo", "′" * count)

    def argument(self) -> str:
        """Return what a command or a script takes, as one element: a group in braces, or the one next sign."""
        if self.next().isdigit():
            return _sign("mn", self.take())
        if self.next() != "{":
            with self.deeper():
                return _tag("mrow", self.atom())
        self.take()
        inner = self.row()
        self.expect("}")
        return _tag("mrow", inner)

    def atom(self) -> str:
        """Return one part without its scripts."""
        token = self.next()
        if not token:
            raise _NotUnderstood
        if token == "{":
            return self.argument()
        if token.isdigit():
            return self.number()
        self.take()
        if token.startswith("\\") and token not in FENCES:
            return self.command(token[1:])
        if token in FENCES and token != ".":
            spaces = ' lspace="0" rspace="0"' if FENCES[token] in "|‖" else ""
            return _sign("mo", FENCES[token], f' stretchy="false"{spaces}')
        if token in "+-*=<>,;:!?.":
            return _sign("mo", {"-": "−", "*": "∗"}.get(token, token))
        if token.isalpha():
            return _sign("mi", token)
        if token == "~":
            return _space(SPACES[" "])
        if token not in "#%$&_^{}\\" and token.isprintable():
            return _sign("mo", token)
        raise _NotUnderstood

    def number(self) -> str:
        digits = ""
        while self.place < len(self.tokens) and (
            self.tokens[self.place].isdigit() or (self.tokens[self.place] == "." and self._digit_follows())
        ):
            digits += self.tokens[self.place]
            self.place += 1
        return _sign("mn", digits)

    def _digit_follows(self) -> bool:
        return self.place + 1 < len(self.tokens) and self.tokens[self.place + 1].isdigit()

    # --- commands ----------------------------------------------------------------------------------------------------

    def command(self, name: str) -> str:
        for signs, tag in ((LETTERS, "mi"), (symbols.OPERATORS, "mo"), (LARGE, "mo")):
            if name in signs:
                return _sign(tag, signs[name])
        if name in SPACES:
            return _space(SPACES[name])
        if name in symbols.FUNCTIONS or name in LIMITS:
            return _sign("mi", LIMITS.get(name, name)) + self._gap_before_argument()
        if name in symbols.ACCENTS:
            return _tag("mover", self.argument() + _sign("mo", symbols.ACCENTS[name]), ' accent="true"')
        if name in FRACTIONS:
            over = self.argument()
            return _tag("mstyle", _tag("mfrac", over + self.argument()), FRACTIONS[name])
        if SIZES.fullmatch(f"\\{name}"):
            return ""
        return self.rarer(name)()

    def _gap_before_argument(self) -> str:
        """Return the thin space between a function and what it is of, unless that stands in brackets or above it."""
        return "" if self.next() in ("", "(", "[", "{", "}", "^", "_", "\\left", "&", "\\right") else _space(0.167)

    def rarer(self, name: str) -> Callable[[], str]:
        """Return what reads the rest of a command that takes more than a sign."""
        if name in symbols.ALPHABETS:
            return lambda: _sign("mi", "".join(symbols.lettered(name, letter) for letter in self.raw()))
        if name in UPRIGHT | BOLD | TEXTS:
            return lambda: self.words(name)
        known = {
            "sqrt": self.root,
            "binom": self.binomial,
            "left": self.fenced,
            "begin": self.table,
            "underline": lambda: _tag("munder", self.argument() + _sign("mo", "_")),
            "overset": lambda: self.stacked("mover"),
            "stackrel": lambda: self.stacked("mover"),
            "underset": lambda: self.stacked("munder"),
            "underbrace": lambda: _tag("munder", self.argument() + _sign("mo", "⏟")),
            "overbrace": lambda: _tag("mover", self.argument() + _sign("mo", "⏞")),
        }
        if name not in known:
            raise _NotUnderstood
        return known[name]

    def words(self, name: str) -> str:
        """Return upright or bold letters, or text; formulas in text are not understood."""
        text = self.raw() if self.next() == "{" else self.take()
        if re.search(r"[\\${}]", text) and not (name in BOLD and text in {f"\\{one}" for one in LETTERS}):
            raise _NotUnderstood
        text = LETTERS.get(text[1:], text) if text.startswith("\\") else text
        if name in TEXTS:
            return _sign("mtext", re.sub(r"^\s|\s$", "\u00a0", text.replace("~", "\u00a0")))
        upright = ' mathvariant="normal"'
        bold = ' class="bold"' if name in BOLD else ""
        gap = self._gap_before_argument() if name.startswith("operatorname") else ""
        return _sign("mi", text, upright + bold) + gap

    def root(self) -> str:
        if self.next() != "[":
            return _tag("msqrt", self.argument())
        self.take()
        index = []
        with self.deeper():
            while self.next() not in ("]", ""):
                index.append(self.scripted())
        self.expect("]")
        return _tag("mroot", self.argument() + _tag("mrow", "".join(index)))

    def binomial(self) -> str:
        over = self.argument()
        both = _tag("mfrac", over + self.argument(), ' linethickness="0"')
        return _tag("mrow", f"{_sign('mo', '(')}{both}{_sign('mo', ')')}")

    def stacked(self, tag: str) -> str:
        beside = self.argument()
        return _tag(tag, self.argument() + beside)

    def fenced(self) -> str:
        left = self._fence()
        inner = self.row()
        self.expect("\\right")
        return _tag("mrow", left + inner + self._fence())

    def _fence(self) -> str:
        token = self.take()
        if token not in FENCES:
            raise _NotUnderstood
        return self._stretched(FENCES[token])

    def _stretched(self, sign: str) -> str:
        return _sign("mo", sign, ' fence="true" stretchy="true"') if sign else ""

    def table(self) -> str:
        """Return an environment: a matrix in its brackets, cases, or aligned lines."""
        name = self.raw()
        if name not in BRACKETS and name not in LINED:
            raise _NotUnderstood
        if name == "array":
            self.raw()  # how columns are aligned
        rows = [[self.row()]]
        while (token := self.take()) in ("&", "\\\\"):
            if token == "&":
                rows[-1].append(self.row())
            else:
                rows.append([self.row()])
        if token != "\\end" or self.raw() != name:
            raise _NotUnderstood
        if rows[-1] == [""]:
            rows.pop()
        sides = ("left",) if name == "cases" else ("right", "left") if name in LINED - {"array"} else ("middle",)
        lines = "".join(_tag("mtr", "".join(_cells(row, sides))) for row in rows)
        left, right = (self._stretched(sign.strip(".")) for sign in BRACKETS.get(name, ".."))
        return _tag("mrow", left + _tag("mtable", lines) + right)


def _cells(row: list[str], sides: tuple[str, ...]) -> Iterator[str]:
    """Give the cells of a table's row, each with the side on which it is aligned; the sides repeat."""
    for column, cell in enumerate(row):
        yield _tag("mtd", _tag("mrow", cell), f' class="{sides[column % len(sides)]}"')
