"""What a case of the bank gets, an `Exercise`, and what it returns, `HandedIn`: a folder with its deserved marks.

A case knows no exercise by name. It takes the first question or the model question of whatever it is given, and writes
`ANSWER` in its source where the name of the attacked answer belongs.
"""

from __future__ import annotations

import copy
import json
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grading.limits import Limits
from grading.sample_submissions import handing_in
from grading.submission.roles import is_answer

__all__ = ["Exercise", "HandedIn", "code", "until_a_limit", "with_scratch"]


@dataclass
class HandedIn:
    """One student's folder and the marks that it deserves, by question and with extra points.

    `notebook` becomes the notebook of the expected name, unless it is None; `files` lie beside it, and `fill` puts
    there what is more than a file.
    """

    deserved: dict[str, float]
    notebook: dict | str | bytes | None
    files: dict[str, bytes]
    fill: Callable[[Path], object] | None = None

    def write(self, folder: Path, exercise: str) -> Path:
        """Write everything into `folder` and return it."""
        folder.mkdir(parents=True)
        if self.notebook is not None:
            text = json.dumps(self.notebook) if isinstance(self.notebook, dict) else self.notebook
            data = text if isinstance(text, bytes) else text.encode()
            (folder / f"{exercise}.ipynb").write_bytes(data)
        for name, content in self.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        if self.fill is not None:
            self.fill(folder)
        return folder


@dataclass(frozen=True)
class Exercise:
    """One exercise as its authors know it; `weights` is empty where none are at hand, and the model then earns nothing.

    `full` are the marks of the reference answers with these weights, extra points included.
    """

    key: str
    release: Mapping[str, Any]
    answers: Mapping[str, str]
    weights: bytes
    full: Mapping[str, float]
    solution: Path  # the solution notebook
    limits: Limits  # under which it is graded

    @property
    def nothing(self) -> dict[str, float]:
        """No marks at all."""
        return dict.fromkeys(self.full, 0.0)

    @property
    def first(self) -> str:
        """The first question, whose answer is a function."""
        return next(iter(self.full))

    @property
    def second(self) -> str:
        """Another question, whose answer is not the model."""
        return [question for question in self.full if question != "model"][1]

    @property
    def weights_name(self) -> str:
        """The name of the weights file."""
        return f"{self.key}.safetensors"

    @property
    def weights_file(self) -> dict[str, bytes]:
        """The weights file, if there is one."""
        return {self.weights_name: self.weights} if self.weights else {}

    def full_but(self, *questions: str) -> dict[str, float]:
        """Return full marks but for these questions."""
        return {**self.full, **dict.fromkeys(questions, 0.0)}

    def filled(self, **answers: str) -> dict[str, Any]:
        """Return the released notebook with the reference answers, or those given."""
        return handing_in.filled(self.release, {**self.answers, **answers})

    def cell(self, notebook: dict[str, Any], name: str) -> dict[str, Any]:
        """Return the cell of that grade_id."""
        return handing_in.cell(notebook, name)

    def handed_in(
        self,
        notebook: Any,
        deserved: Mapping[str, float] | None = None,
        files: Mapping[str, bytes] | None = None,
        fill: Callable[[Path], object] | None = None,
    ) -> HandedIn:
        """Return a folder with this notebook, the weights and these files; it deserves everything unless said."""
        everything = {**self.weights_file, **(files or {})}
        return HandedIn(dict(self.full if deserved is None else deserved), notebook, everything, fill)

    def honest(self, *scratch: str, **answers: str) -> HandedIn:
        """Return right answers, or those given, and scratch cells behind the setup; they deserve everything."""
        return self.handed_in(with_scratch(self.filled(**{k: code(v) for k, v in answers.items()}), *scratch))

    def tricked(self, source: str, *scratch: str) -> HandedIn:
        """Return right answers but for the first question, whose answer is `source`: that one deserves nothing."""
        notebook = self.filled(**{self.first: code(source).replace("ANSWER", self.first)})
        return self.handed_in(with_scratch(notebook, *scratch), self.full_but(self.first))

    def worthless(self, source: str, files: Mapping[str, bytes] | None = None) -> HandedIn:
        """Return answers that are all what `loot()` returns, defined by `source` at the top: nobody answered anything.

        It is the form for tricks on the whole process, where a right answer could come to harm.
        """
        names = {cell["metadata"]["nbgrader"]["grade_id"]: cell for cell in self.release["cells"] if is_answer(cell)}
        taken = "def {name}(*arguments, **options):\n    return loot(*arguments, **options)\n"
        answers = {name: taken.format(name=name if name != "model" else "build_model") for name in names}
        head = code(source)
        return self.handed_in(
            handing_in.filled(self.release, {**answers, self.first: f"{head}\n\n{answers[self.first]}"}),
            self.nothing,
            files,
        )


def until_a_limit(case: Callable[[Exercise], HandedIn]) -> Callable[[Exercise], HandedIn]:
    """Mark a case that runs into a limit of time: by default it is graded where limits are shortest."""
    case.until_a_limit = True
    return case


def code(source: str) -> str:
    """Return source as a cell holds it, without the indentation of the case that it stands in."""
    return textwrap.dedent(source).strip("\n")


def with_scratch(notebook: dict[str, Any], *sources: str) -> dict[str, Any]:
    """Return the notebook with code cells of the student's own before the first answer."""
    notebook = copy.deepcopy(notebook)
    place = next(index for index, cell in enumerate(notebook["cells"]) if is_answer(cell))
    made = [handing_in.scratch(code(source), f"scratch-{number}") for number, source in enumerate(sources)]
    notebook["cells"][place:place] = made
    return notebook
