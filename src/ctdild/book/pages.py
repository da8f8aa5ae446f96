"""The pages of the book as text: front matter, cells, claims and references to figures, each with its line.

One light reader for the checks of the prose, for the page keys and for the roles; it needs neither Sphinx nor a kernel.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from .problems import BookError, BookProblem
from .sources import kind_of, load_yaml, read_source, toc_files

__all__ = ["BookError", "BookProblem", "Claim", "Line", "Page", "read_pages", "survey"]

_FENCE = re.compile(r"^\s*(?P<fence>`{3,}|:{3,})\s*(?:\{(?P<name>[\w:-]+)\}\s*(?P<argument>.*?)|(?P<info>[\w+-]*))\s*$")
#: Directives whose argument is printed: it is prose.
_TITLED = ("admonition", "dropdown", "note", "tip", "important", "warning", "caution", "seealso")
_EV = re.compile(r"\{ev\}`([^`]+)`")


@dataclass(frozen=True)
class Claim:
    """A guarded sentence."""

    line: int  #: of the opening fence
    end: int  #: of the closing fence
    condition: str
    sentence: str


@dataclass(frozen=True)
class Line:
    """One line of a page: its number, its text, and what it is part of."""

    number: int
    text: str
    kind: str  #: front matter, cell, literal, option, condition, prose


@dataclass(frozen=True)
class Page:
    """One source file of the book."""

    root: Path = field(repr=False)
    name: str  #: path relative to the project, as people name it
    text: str = field(repr=False)

    @property
    def docname(self) -> str:
        return self.name.removesuffix(".md")

    @cached_property
    def front_matter(self) -> dict:
        """The front matter; empty when there is none, or none that can be read (`read_pages` lets no such page pass)."""
        match = re.match(r"---\n(.*?)^---\s*$", self.text, re.DOTALL | re.MULTILINE)
        loaded, _ = load_yaml(self.name, match[1]) if match else (None, [])
        return loaded if isinstance(loaded, dict) else {}

    @property
    def scope(self) -> str | None:
        """The scope of the evidence that the page declares; None for a page without evidence."""
        declared = self.front_matter.get("evidence")
        return declared.get("scope") if isinstance(declared, dict) else None

    @property
    def is_notebook(self) -> bool:
        return self.front_matter.get("file_format") == "mystnb"

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        return tuple(_classify(self.text))

    @cached_property
    def cells(self) -> tuple[tuple[int, str], ...]:
        """(line, code) of each code cell."""
        found: list[tuple[int, list[str]]] = []
        previous = None
        for line in self.lines:
            if line.kind == "cell":
                if previous is None or previous.kind != "cell" or previous.number != line.number - 1:
                    found.append((line.number, []))
                found[-1][1].append(line.text)
            previous = line
        return tuple((number, "\n".join(code)) for number, code in found)

    @cached_property
    def claims(self) -> tuple[Claim, ...]:
        return tuple(_claims(self.text))

    @cached_property
    def references(self) -> tuple[tuple[int, str], ...]:
        """(line, content) of each {ev} role in prose."""
        return tuple((line.number, content) for line in self.lines if line.kind == "prose" for content in _EV.findall(line.text))


def read_pages(root: Path) -> list[Page]:
    """All pages of the table of contents, in its order. Raises `BookError` with everything that makes one unreadable."""
    pages, problems = survey(root)
    if problems:
        raise BookError(problems)
    return pages


def survey(root: Path) -> tuple[list[Page], list[BookProblem]]:
    """The pages of the table of contents that can be read, in its order, and why the others cannot."""
    names, problems = toc_files(root)
    pages = []
    for name in names:
        text, found = read_source(root, name)
        if text is not None:
            page = Page(root, name, text)
            found = [*found, *_unreadable(page)]
            if not found:
                pages.append(page)
        problems += found
    return pages, problems


_EVIDENCE = ("do", "write it as evidence: {scope: NAME}, with the name of a row of data/scopes.csv")
_FRAME = ("do", "begin the page with a line --- and end its front matter with a second one, nothing else on either")


def _unreadable(page: Page) -> Iterator[BookProblem]:
    """Why a page could not be read as its writer meant it: its front matter, or nothing behind it."""
    lines = page.text.split("\n")
    end = 0
    if page.text.lstrip().startswith("---"):
        # Everything that one of the page's readers (MyST, MyST-NB, this book) would take for a frame has to be one for all.
        frame = [i for i, line in enumerate(lines) if re.match(r"\s{0,3}-{3,}\s*$|---|\.\.\.", line)][:2]
        whole = len(frame) == 2 and frame[0] == 0 and lines[0] == "---" and lines[frame[1]].rstrip() == "---"
        if not whole:
            line = next((i for i in frame if i != 0 or lines[0] != "---"), 0)
            what = (
                "the front matter is never closed" if len(frame) == 1 and line == 0 else "the front matter is not framed by two lines ---"
            )
            yield BookProblem(page.name, line + 1, what, (("there", lines[line].strip()), _FRAME))
            return
        end = frame[1]
        front, problems = load_yaml(page.name, "\n".join(lines[1:end]) + "\n", first_line=2)
        yield from problems or _odd_front_matter(page, front, lines)
    if not any(line.strip() for line in lines[end + 1 if end else 0 :]):
        yield BookProblem(
            page.name, end + 1, "the page ends here; expected a title and text", (("do", "write it, or take it out of _toc.yml"),)
        )
    elif not any(line.kind == "prose" and re.match(r"# +\S|=+\s*$", line.text) for line in page.lines):
        yield BookProblem(page.name, end + 1, "the page has no title", (("do", "begin its text with a line # and the title"),))


def _odd_front_matter(page: Page, front, lines: list[str]) -> Iterator[BookProblem]:
    if front is None:
        return
    if not isinstance(front, dict):
        yield BookProblem(page.name, 2, f"the front matter is {kind_of(front)}; expected entries such as file_format: mystnb",
                          (("there", lines[1].strip()), _EVIDENCE))  # fmt: skip
        return

    def line_of(name: str) -> int:
        return next((i for i, line in enumerate(lines, start=1) if line.startswith(f"{name}:")), 1)

    evidence = front.get("evidence", {"scope": ""})
    if not isinstance(evidence, dict) or set(evidence) != {"scope"} or not isinstance(evidence["scope"], str):
        line = line_of("evidence")
        yield BookProblem(page.name, line, "what evidence the page sees cannot be read", (("there", lines[line - 1].strip()), _EVIDENCE))
    if not isinstance(front.get("kernelspec", {}), dict):
        line = line_of("kernelspec")
        yield BookProblem(page.name, line, f"kernelspec is {kind_of(front['kernelspec'])}; expected entries", (("there", lines[line - 1].strip()),
                          ("do", "write kernelspec: {name: python3, display_name: Python 3}")))  # fmt: skip


def _classify(text: str) -> Iterator[Line]:
    """Every line with its kind; fences nest by their length, as in MyST."""
    lines = text.split("\n")
    number = 0
    if lines and lines[0] == "---":
        yield Line(1, lines[0], "front matter")
        number = 1
        while number < len(lines):
            yield Line(number + 1, lines[number], "front matter")
            number += 1
            if lines[number - 1].startswith("---"):
                break
    open_fences: list[tuple[str, str]] = []
    options = False
    for index in range(number, len(lines)):
        line = lines[index]
        inside = open_fences[-1] if open_fences else None
        match = _FENCE.match(line)
        if inside and match and not match["name"] and not match["info"] and match["fence"].startswith(inside[0]):
            open_fences.pop()
            options = False
            yield Line(index + 1, line, "condition")
            continue
        if inside and inside[1] in ("cell", "literal"):
            if options and re.match(r"^\s*:[\w-]+:", line):
                yield Line(index + 1, line, "option")
            else:
                options = False
                yield Line(index + 1, line, inside[1])
            continue
        if match and (match["name"] or match["info"] or match["fence"].startswith("`")):
            kind = "cell" if match["name"] == "code-cell" else "prose" if match["name"] else "literal"
            if match["name"] in ("bibliography", "code-block", "toctree"):
                kind = "literal"
            open_fences.append((match["fence"], kind))
            options = True
            yield Line(index + 1, line, "prose" if match["name"] in _TITLED else "condition")
            continue
        if inside and options and re.match(r"^\s*:[\w-]+:", line):
            yield Line(index + 1, line, "option")
            continue
        if line.strip():
            options = False
        yield Line(index + 1, line, "prose")


def _claims(text: str) -> Iterator[Claim]:
    lines = text.split("\n")
    index = 0
    while index < len(lines):
        match = _FENCE.match(lines[index])
        if match and match["name"] == "claim":
            start, body = index, []
            index += 1
            while index < len(lines) and not re.match(rf"^\s*{re.escape(match['fence'])}\s*$", lines[index]):
                body.append(lines[index].strip())
                index += 1
            yield Claim(start + 1, index + 1, match["argument"], " ".join(" ".join(body).split()))
        index += 1
