"""The files that a person writes and the book is made of, as text and YAML: each damage is a named problem, never a traceback."""

from __future__ import annotations

import difflib
import posixpath
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from ..evidence import read_text
from .problems import BookProblem

TOC = "_toc.yml"
CONFIG = "_config.yml"
#: Without it Jupyter Book would build the pages with nothing checked.
EXTENSION = "ctdild.book"


def read_source(root: Path, name: str) -> tuple[str | None, list[BookProblem]]:
    """A file of the project as text, or why it is none: the rules are those of the tables (UTF-8, no mark in front, LF)."""
    text, problems = read_text(root, name)
    found = []
    for p in problems:
        details = tuple((name, part) for name, part in (("there", p.value), ("do", p.repair)) if part)
        found.append(BookProblem(p.file, p.row, p.message, details))
    return text, found


def load_yaml(name: str, text: str, first_line: int = 1) -> tuple[Any, list[BookProblem]]:
    """The value of a YAML text that begins in this line of the file, or why it is none."""
    try:
        return yaml.safe_load(text), []
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        # Where it stumbled may be the line after the last: the text ended too early.
        index = min(mark.line, text.rstrip("\n").count("\n")) if mark else 0
        there = text.split("\n")[index].strip()
        what = "; ".join(part for part in (error.context, error.problem) if part)
        problem = BookProblem(name, first_line + index, f"not readable as YAML: {what}", (("there", there), _MEND_YAML))
    except (yaml.YAMLError, ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        problem = BookProblem(name, first_line, f"not readable as YAML: {' '.join(str(error).split())}", (_MEND_YAML,))
    return None, [problem]


_MEND_YAML = ("do", "look for a bracket, a quote, a colon or a space too many or too few near this line")


def kind_of(value: Any) -> str:
    """What a YAML value is, in words."""
    for types, word in (
        ((dict,), "entries"),
        ((list,), "a list"),
        ((str,), "a text"),
        ((bool,), "true or false"),
        ((int, float), "a number"),
    ):
        if isinstance(value, types):
            return word
    return "nothing" if value is None else type(value).__name__


# --- the table of contents ---------------------------------------------------------------------------


def toc_files(root: Path) -> tuple[list[str], list[BookProblem]]:
    """The source files that ``_toc.yml`` names and that are there, root first; and every problem with it."""
    text, problems = read_source(root, TOC)
    if text is None:
        return [], problems
    value, found = load_yaml(TOC, text)
    problems += found
    if found:
        return [], problems
    if not isinstance(value, dict):
        return [], [*problems, BookProblem(TOC, 1, f"holds {kind_of(value)}; expected format, root and chapters", (_RESTORE,))]
    names, found = _named_files(root, text)
    return names, problems + (found or _malformed(value, text))


_RESTORE = ("do", "restore it from the last commit")


def _named_files(root: Path, text: str) -> tuple[list[str], list[BookProblem]]:
    names, problems = [], []
    lines: dict[str, int] = {}
    for written, line in _files(yaml.compose(text)):
        name = posixpath.normpath(written if written.endswith(".md") else f"{written}.md")
        if name in lines:
            problems.append(
                BookProblem(TOC, line, f"names {written} again; it is in line {lines[name]} already", (("do", "remove one of the two"),))
            )
            continue
        lines[name] = line
        if name.startswith(("/", "../")):
            problems.append(
                BookProblem(TOC, line, f"names {written}, which is outside of the project", (("do", "name a page of the project"),))
            )
        elif not (root / name).is_file():
            beside = [path.relative_to(root).as_posix() for path in (root / name).parent.glob("*.md")]
            close = difflib.get_close_matches(name, beside, n=1)
            repair = (
                f"mend the name (close: {close[0].removesuffix('.md')}), or write the page" if close else "mend the name, or write the page"
            )
            problems.append(BookProblem(TOC, line, f"names {name}, which does not exist", (("do", repair),)))
        else:
            names.append(name)
    return names, problems


def _files(node: yaml.Node | None, within: tuple[yaml.Node, ...] = ()) -> Iterator[tuple[str, int]]:
    """(name, line) of each page named below a node, in order, the root first."""
    if any(node is outer for outer in within):  # an alias of YAML inside what it stands for
        return
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _files(item, (*within, node))
    elif isinstance(node, yaml.MappingNode):
        for key, value in sorted(node.value, key=lambda pair: pair[0].value != "root"):
            if key.value == ("file" if within else "root") and isinstance(value, yaml.ScalarNode):
                yield value.value, value.start_mark.line + 1
            elif key.value in ("parts", "chapters", "sections", "subtrees", "entries"):
                yield from _files(value, (*within, node))


def _malformed(value: dict, text: str) -> list[BookProblem]:
    """What the extension that reads ``_toc.yml`` in the build objects to."""
    from sphinx_external_toc.parsing import MalformedError, parse_toc_data

    try:
        parse_toc_data(value)
    except (MalformedError, TypeError, ValueError, AttributeError, KeyError, RecursionError) as error:
        what, _, place = str(error).partition(" @ ")
        line = _line_of(yaml.compose(text), place.strip("'").split("/"))
        return [
            BookProblem(
                TOC,
                line,
                f"not a table of contents: {what}",
                (("do", "write it as its neighbours are written, or restore it from the last commit"),),
            )
        ]
    return []


def _line_of(node: yaml.Node | None, path: list[str]) -> int:
    """The line of the entry that a path of keys and numbers leads to, as far as it goes."""
    line = 1
    for part in filter(None, path):
        if isinstance(node, yaml.MappingNode):
            node = next((value for key, value in node.value if key.value == part), None)
        elif isinstance(node, yaml.SequenceNode) and part.isdigit() and int(part) < len(node.value):
            node = node.value[int(part)]
        else:
            break
        line = node.start_mark.line + 1 if node else line
    return line


# --- the configuration -------------------------------------------------------------------------------


def config_problems(root: Path) -> list[BookProblem]:
    """Everything in ``_config.yml`` that Jupyter Book could not use, or that would publish pages with nothing checked."""
    text, problems = read_source(root, CONFIG)
    if text is None:
        return problems
    value, found = load_yaml(CONFIG, text)
    problems += found
    if found:
        return problems
    if not isinstance(value, dict):
        return [*problems, BookProblem(CONFIG, 1, f"holds {kind_of(value)}; expected entries such as title: and execute:", (_RESTORE,))]
    return problems + _unusable_config(root, value, text)


def _unusable_config(root: Path, value: dict, text: str) -> list[BookProblem]:
    from jupyter_book.config import get_validator

    tree = yaml.compose(text)
    problems = []
    for error in sorted(get_validator().iter_errors(value), key=lambda error: [str(part) for part in error.path]):
        path = [str(part) for part in error.path]
        problems.append(BookProblem(CONFIG, _line_of(tree, path), f"{'.'.join(path)}: {error.message}", (_RESTORE,)))
    if problems:
        return problems
    for index, name in enumerate(value.get("bibtex_bibfiles", ())):
        if not (root / name).is_file():
            problems.append(
                BookProblem(CONFIG, _line_of(tree, ["bibtex_bibfiles", str(index)]), f"names {name}, which does not exist", (_RESTORE,))
            )
    if EXTENSION not in (value.get("sphinx", {}).get("extra_extensions") or ()):
        line = _line_of(tree, ["sphinx", "extra_extensions"])
        problems.append(BookProblem(CONFIG, line, f"sphinx.extra_extensions does not name {EXTENSION}: nothing would be checked",
                                    (("do", f"add {EXTENSION} to the list"),)))  # fmt: skip
    return problems
