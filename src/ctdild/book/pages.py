"""The pages of the book as text: front matter, cells, claims and references to figures, each with its line.

One light reader for the checks of the prose, for the page keys and for the roles; it needs neither Sphinx nor a kernel.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import yaml

_FENCE = re.compile(r"^\s*(?P<fence>`{3,}|:{3,})\s*(?:\{(?P<name>[\w:-]+)\}\s*(?P<argument>.*?)|(?P<info>[\w+-]*))\s*$")
#: Directives whose argument is printed: it is prose.
_TITLED = ("admonition", "dropdown", "note", "tip", "important", "warning", "caution", "seealso")
_EV = re.compile(r"\{ev\}`([^`]+)`")


@dataclass(frozen=True)
class BookProblem:
    """Something that stops the book: page, line, what, and the figures or the sentence concerned."""

    page: str
    line: int | None
    what: str
    details: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        place = f"{self.page}:{self.line}" if self.line else self.page
        return "\n".join([f"{place}  {self.what}", *(f"    {name:<10} {text}" for name, text in self.details)])

    def as_json(self) -> dict:
        return {"page": self.page, "line": self.line, "what": self.what, "details": [list(d) for d in self.details]}

    @classmethod
    def from_json(cls, data: dict) -> BookProblem:
        return cls(data["page"], data["line"], data["what"], tuple((a, b) for a, b in data["details"]))


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
        """The front matter; empty when there is none. Raises `yaml.YAMLError`."""
        match = re.match(r"---\n(.*?\n)---\s*\n", self.text, re.DOTALL)
        loaded = yaml.safe_load(match[1]) if match else None
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
    """All pages of the table of contents, in its order. Raises `FileNotFoundError` naming a file that is missing."""
    return [Page(root, name, (root / name).read_text(encoding="utf-8")) for name in toc_files(root)]


def toc_files(root: Path) -> list[str]:
    """The source files that ``_toc.yml`` names, root first."""
    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    names = [toc["root"]]

    def walk(node) -> None:
        if isinstance(node, dict):
            if "file" in node:
                names.append(node["file"])
            for key in ("parts", "chapters", "sections"):
                walk(node.get(key))
        elif isinstance(node, list):
            for item in node:
                walk(item)

    walk({key: value for key, value in toc.items() if key != "root"})
    files = [name if name.endswith(".md") else f"{name}.md" for name in names]
    for name in files:
        if not (root / name).is_file():
            raise FileNotFoundError(f"_toc.yml names {name}, which does not exist")
    return files


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
