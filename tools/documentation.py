"""What MkDocs calls while it builds the documentation (`make docs`, mkdocs.yml).

Pages are written for GitHub: some lie outside docs/, and links lead to files of the repository. Here such pages join
the site, files that are linked are laid beside them, and links follow. At the end no built page may fetch anything.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from tools.links import links, without_code

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
BROUGHT = {  # pages from outside docs/, by their names on the site
    "README.md": "readme.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "data/README.md": "data.md",
}
FILES = "files"  # where files of the repository lie on the site
FETCHING = {"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src", "audio": "src",
            "embed": "src", "object": "data", "link": "href", "use": "href"}  # fmt: skip
IN_STYLES = re.compile(r"(?:url\(|@import\s)\s*[\"']?((?:https?:)?//[^)\"'\s]+)")
HARMLESS = {"canonical", "prev", "next", "alternate", "author", "license"}  # of a <link>: read by machines alone


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages from outside docs/, and every file of the repository that a page links to."""
    from mkdocs.structure.files import File, InclusionLevel

    for source, name in BROUGHT.items():
        files.append(File.generated(config, name, abs_src_path=str(ROOT / source)))
    wanted = {}
    for page in [file for file in files if file.is_documentation_page()]:
        source = _source(page.src_uri)
        for path in _linked((ROOT / source).read_text(encoding="utf-8"), source):
            name = _on_site(path)
            if name and name.startswith(f"{FILES}/") and (ROOT / path).is_file():  # else MkDocs names the link
                wanted[name] = path
    for name, path in wanted.items():
        kept = InclusionLevel.INCLUDED
        files.append(File.generated(config, name, abs_src_path=str(ROOT / path), inclusion=kept))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Return the page with links as the site has them, and lists as MkDocs reads them."""
    return four_spaces(moved(markdown, _source(page.file.src_uri), page.file.src_uri))


def on_post_build(config: MkDocsConfig) -> None:
    """Stop the build where a page would fetch something from the network."""
    from mkdocs.exceptions import PluginError

    site = Path(config.site_dir)
    pages, sheets = sorted(site.rglob("*.html")), sorted(site.rglob("*.css"))
    found = {page: fetched(page.read_text("utf-8")) for page in pages}
    found |= {sheet: IN_STYLES.findall(sheet.read_text("utf-8")) for sheet in sheets}
    wrong = [f"{path.relative_to(site)}: {address}" for path, addresses in found.items() for address in addresses]
    if wrong:
        raise PluginError("readers would fetch from the network: " + "; ".join(wrong))


def moved(text: str, source: str, name: str) -> str:
    """Return a page's text with its relative links as they are on the site.

    Args:
        text: Markdown.
        source: where it lies in the repository, "docs/students.md" say.
        name: what the page is called on the site, "students.md" say.
    A link to a folder keeps its words alone.
    """
    for link in reversed(links(text)):
        if not link.path:
            continue
        _, mark, anchor = link.target.partition("#")
        there = _on_site(_path(link.path, source))
        if there is None:
            before, after = text[: link.start], text[link.end :]
            text = re.sub(r"\[([^\[\]]*)\]\(<?$", r"\1", before) + re.sub(r"^[^)]*\)", "", after)
        else:
            page = posixpath.relpath(there, posixpath.dirname(name) or ".")
            anchor = anchor if page.endswith(".md") else ""  # a place within a file of data is for readers of GitHub
            text = text[: link.start] + quote(page) + (mark + anchor if anchor else "") + text[link.end :]
    return text


def four_spaces(text: str) -> str:
    """Return the text with what belongs to an item of a list four spaces in: GitHub is content with the item's words.

    After an item of several paragraphs the next one has an empty line before it.
    """
    out, inside, loose = [], 0, False  # `inside`: how far in the item's words stand
    for line, shown in zip(text.split("\n"), without_code(text, spans=False).split("\n"), strict=True):
        if found := re.match(r"(\d+\. |[-*] )\S", shown):
            out += [""] * (loose and out[-1] != "")
            inside, loose = len(found[1]), loose and inside > 0
        elif not line:
            loose = inside > 0
        elif inside and line.startswith(" " * inside):
            line = " " * (4 - inside) + line
        else:
            inside, loose = 0, False
        out.append(line)
    return "\n".join(out)


class _Fetched(HTMLParser):
    """Collects the addresses that a browser would fetch to show a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "link" and set(given.get("rel", "").split()) <= HARMLESS:
            return
        sources = [part.split()[0] for part in given.get("srcset", "").split(",") if part.strip()]
        told = [given.get(FETCHING.get(tag, ""), ""), *sources, *IN_STYLES.findall(given.get("style", ""))]
        self.found += [one for one in told if re.match(r"(https?:)?//", one)]


def fetched(page: str) -> list[str]:
    """Return the addresses outside the site that a browser would fetch to show the page; links are not followed."""
    reader = _Fetched()
    reader.feed(page)
    return reader.found


def _source(name: str) -> str:
    """Return where a page of the site lies in the repository."""
    return next((source for source, there in BROUGHT.items() if there == name), f"docs/{name}")


def _path(place: str, source: str) -> str:
    """Return the path in the repository that a link on the page `source` means."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(source), unquote(place)))


def _linked(text: str, source: str) -> Iterator[str]:
    """Give the paths in the repository that a page links to."""
    for link in links(text):
        if link.path:
            yield _path(link.path, source)


def _on_site(path: str) -> str | None:
    """Return what a file of the repository is called on the site; None for a folder, which a site does not show."""
    if path in BROUGHT:
        return BROUGHT[path]
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    if (ROOT / path).is_dir():
        return None
    return f"{FILES}/{path.lstrip('.')}"  # MkDocs and some servers pass over names that begin with a dot
