"""What Python code does, as a hash: comments, blank lines, layout and docstrings do not change it.

    hash_of_code(data)          of one module, from its bytes
    CodeHashes(path).of(data)   the same, remembered by content: to parse all of a course anew takes a second or two

Whatever else is written differently counts, if it means the same or not: names, annotations, the order of lines. What
cannot be parsed counts by its bytes.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import platform
import re
from pathlib import Path

from helpers.files import atomically

__all__ = ["CodeHashes", "hash_of_code"]

UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)  # by Python: nested too deeply, say
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
SCHEME = f"1 {platform.python_version()}"  # how a hash is made; Python's own trees differ from version to version
ENTRY = re.compile(r"([0-9a-f]{64}) ([0-9a-f]{64}) ([0-9a-f]{16})")
MOST = 5000  # entries that are kept; a course has some 300 files


def hash_of_code(data: bytes) -> str:
    """Return the hash of what a module does.

    Example: b"x = 1  # one" and b"x=1" have the same, b"x = 2" another one.
    """
    try:
        text = ast.dump(_without_docstrings(ast.parse(data)))
        return hashlib.sha256(b"code\0" + text.encode("utf-8", "surrogatepass")).hexdigest()
    except UNREADABLE:
        return hashlib.sha256(b"bytes\0" + data).hexdigest()


def _without_docstrings(tree: ast.Module) -> ast.Module:
    """Return the tree, changed: nothing in this project asks for a docstring while it grades."""
    for node in ast.walk(tree):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            del node.body[0]
    return tree


class CodeHashes:
    """Hashes of code by the content of its files, kept in a file from run to run.

    An entry that is missing, damaged or of another version of Python is made anew, and a file that cannot be written
    costs the next run that second.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known = self._read()
        self._is_new = False

    def of(self, data: bytes) -> str:
        """Return `hash_of_code(data)`, computed only where it is not known."""
        content = hashlib.sha256(data).hexdigest()
        if content not in self._known:
            self._known[content] = hash_of_code(data)
            self._is_new = True
        return self._known[content]

    def keep(self) -> None:
        """Write down what is new, whole or not at all."""
        if not self._is_new:
            return
        entries = list(self._known.items())[-MOST:]
        text = "".join(f"{content} {code} {_seal(content, code)}\n" for content, code in entries)
        with contextlib.suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with atomically(self.path) as part:
                part.write_text(text)
            self._is_new = False

    def _read(self) -> dict[str, str]:
        """Return the entries that are whole."""
        try:
            lines = self.path.read_text(errors="replace").splitlines()
        except OSError:
            return {}
        found = (entry.groups() for entry in map(ENTRY.fullmatch, lines) if entry)
        return {content: code for content, code, seal in found if seal == _seal(content, code)}


def _seal(content: str, code: str) -> str:
    """Return by what an entry is known to be whole, and of this scheme."""
    return hashlib.sha256(f"{SCHEME} {content} {code}".encode()).hexdigest()[:16]
