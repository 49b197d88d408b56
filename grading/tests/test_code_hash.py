"""Of code counts what it does: comments, layout and docstrings do not; all else does, and damage costs nothing."""

from __future__ import annotations

import ast
import re

import pytest

from grading.course import code_hash
from grading.course.code_hash import CodeHashes, hash_of_code
from grading.course.fingerprint import MARKING, WRITING, _walked
from helpers.files import ROOT

CODE = '''"""A module."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Judge:
    """Judges."""

    scale: float = 2.0

    def points(self, right: int, of: int = 3) -> float:
        """Return the points."""
        hint = "divide by the number of keypoints."
        return self.scale * right / of if of > 0 else float(len(hint) - 34)
'''
SAME = {
    "a comment": ("= 2.0", "= 2.0  # of all questions"),
    "a comment in a line of its own": ('        hint = "', '        # said to students\n        hint = "'),
    "no comment": ('"""A module."""', "# A module."),
    "blank lines": ("\n\n\n", "\n\n"),
    "layout": ("(self, right: int, of: int = 3)", "(\n        self,\n        right: int,\n        of: int = 3,\n    )"),
    "quotes": ('"divide by the number of keypoints."', "'divide by the number of keypoints.'"),
    "brackets": ("self.scale * right / of if", "(self.scale * right) / of if"),
    "a docstring": (
        '"""Return the points."""',
        '"""Return the points of one question.\n\n        All of them.\n        """',
    ),
    "line ends": ("\n", "\r\n"),
}
OTHER = {
    "an operator": ("* right / of", "+ right / of"),
    "a comparison": ("of > 0", "of >= 0"),
    "a constant": ("- 34", "- 35"),
    "a number of another kind": ("= 2.0", "= 2"),
    "a default": ("of: int = 3", "of: int = 4"),
    "a decorator": ("(frozen=True)", "(frozen=False)"),
    "no decorator": ("@dataclass(frozen=True)\n", ""),
    "a hint": ("the number of keypoints.", "the number of people."),
    "a space in a hint": ("the number", "the  number"),
    "a name": ("points(self", "score(self"),
    "a type": ("scale: float", "scale: int"),
    "brackets that group": ("self.scale * right / of if", "self.scale * (right / of) if"),
    "the order of lines": ("scale: float = 2.0\n", "of: int = 3\n    scale: float = 2.0\n"),
    "a line less": ('        hint = "divide by the number of keypoints."\n', ""),
}


def changed(old: str, new: str) -> bytes:
    """Return the module with a part of it written differently."""
    assert old in CODE
    return CODE.replace(old, new).encode()


@pytest.mark.parametrize("name", SAME)
def test_what_is_only_written_differently_is_the_same_code(name):
    assert changed(*SAME[name]) != CODE.encode()
    assert hash_of_code(changed(*SAME[name])) == hash_of_code(CODE.encode())


@pytest.mark.parametrize("name", OTHER)
def test_what_does_something_else_is_other_code(name):
    assert hash_of_code(changed(*OTHER[name])) != hash_of_code(CODE.encode())


@pytest.mark.parametrize("data", [b"def f(:\n", b"x = 1\0", "x = 'ä'".encode("latin-1"), b"(" * 500 + b")" * 500])
def test_what_cannot_be_parsed_counts_by_its_bytes(data):
    assert hash_of_code(data) == hash_of_code(data) != hash_of_code(data + b"# a comment")


def test_code_of_nothing_but_a_docstring_is_empty_code():
    assert hash_of_code(b'def f():\n    """Returns."""') == hash_of_code(b'def f():\n    """Return it."""')
    assert hash_of_code(b"") == hash_of_code(b'"""Empty."""') == hash_of_code(b"# empty")


def test_the_encoding_that_a_file_states_holds():
    """`ä` in one encoding is another text in the other one."""
    assert hash_of_code("# coding: latin-1\nx = 'ä'".encode("latin-1")) == hash_of_code("x = 'ä'".encode())


def test_nothing_that_grades_reads_docstrings_or_its_own_source():
    """Or they would decide marks: what a student's cell is asked for its source is the student's."""
    reads = re.compile(r"__doc__|getdoc|inspect\.getsource|getcomments|currentframe|_getframe")
    code = [path for place in (*MARKING, *WRITING) for path in _walked(ROOT, place) if path.suffix == ".py"]
    found = {
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in code
        for line in path.read_text().splitlines()
        if reads.search(line.partition("#")[0])
    }
    assert len(code) > 100 and found == set()


def entry_file(tmp_path):
    """Return a file that remembers two modules, and these modules."""
    path, modules = tmp_path / "cache" / "hashes.txt", [CODE.encode(), b"x = 1"]
    codes = CodeHashes(path)
    assert [codes.of(data) for data in modules] == [hash_of_code(data) for data in modules]
    codes.keep()
    return path, modules


def test_a_module_is_parsed_once(tmp_path, monkeypatch):
    path, modules = entry_file(tmp_path)
    right = [hash_of_code(data) for data in modules]
    monkeypatch.setattr(code_hash, "hash_of_code", lambda data: pytest.fail("parsed again"))
    assert [CodeHashes(path).of(data) for data in modules] == right


@pytest.mark.parametrize("place", range(0, 147, 7))
def test_a_damaged_entry_is_made_anew(tmp_path, place):
    """Whichever of its signs is another one: content, code or seal."""
    path, modules = entry_file(tmp_path)
    text = bytearray(path.read_bytes())
    text[place] = ord("0") if text[place] != ord("0") else ord("1")
    path.write_bytes(bytes(text))
    codes = CodeHashes(path)
    assert [codes.of(data) for data in modules] == [hash_of_code(data) for data in modules]


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\0\0", b"a b c\n" * 3, b"0" * 64 + b" " + b"1" * 64 + b"\n"])
def test_a_file_of_something_else_costs_nothing(tmp_path, content):
    path, modules = entry_file(tmp_path)
    path.write_bytes(content)
    codes = CodeHashes(path)
    assert [codes.of(data) for data in modules] == [hash_of_code(data) for data in modules]
    codes.keep()
    assert len(path.read_text().splitlines()) == 2


def test_what_another_python_wrote_is_not_taken(tmp_path, monkeypatch):
    path, modules = entry_file(tmp_path)
    monkeypatch.setattr(code_hash, "SCHEME", "1 3.99.0")
    assert CodeHashes(path)._known == {}


def test_a_place_that_cannot_be_written_ends_nothing(tmp_path):
    (tmp_path / "file").write_text("no folder")
    codes = CodeHashes(tmp_path / "file" / "hashes.txt")
    assert codes.of(b"x = 1") == hash_of_code(b"x=1")
    codes.keep()


def test_the_file_does_not_grow_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(code_hash, "MOST", 3)
    path = tmp_path / "hashes.txt"
    for number in range(5):
        codes = CodeHashes(path)
        codes.of(f"x = {number}".encode())
        codes.keep()
    assert len(path.read_text().splitlines()) == 3 and ast.parse("x = 4") and CodeHashes(path)._known
