"""The rules of the prose once more, on the pages as readers will see them.

`ctdild.book.prose` reads sources line by line, in a moment. Here the parsed page is read, where a figure cannot hide in the
title of a box, in the description of a picture or in a sentence that runs over two lines; and the written page, on which
markup that nobody understood would stand as text, and a link might lead nowhere.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from urllib.parse import unquote

from docutils import nodes

from .pages import BookProblem, Claim
from .prose import figure_problem, guard_problem, weeks_of
from .roles import figure_reference
from .trials import ancestors
from .wording import typed_figures

#: Languages of code blocks; what stands in others, such as ``text``, is read as prose.
_CODE = ("python", "r", "bash", "console", "sh", "json", "yaml", "csv", "bibtex", "html", "myst", "ipython3", "ipython")
_MARKUP = re.compile(r"\{(ev|claim|term|trial|cite(:\w+)?|dropdown|code-cell|glossary|note|sources)\}\S*|^\s*:{2,}.*", re.MULTILINE)


def check_parsed(app, doctree: nodes.document) -> None:
    """Typed figures, and "no difference" without a guard, wherever the parsed page has words of ours."""
    book = app.ctdild
    page = book.pages.get(app.env.docname)
    if page is None:
        return
    names = [trial.acronym for trial in book.evidence["trials"]]
    for line, text, block in _texts(doctree):
        found = typed_figures(text, names, weeks_of(_claim_around(block)))
        problems = [figure_problem(page.name, line, text, found)] if found else []
        if page.scope is not None:
            problems.append(guard_problem(page.name, line, text, _claim_around(block)))
        book.problems += [p for p in problems if p]


def _texts(doctree: nodes.document):
    """(line, text, node) of each block of text, and of each description or title that an element carries."""
    for node in doctree.findall(nodes.Element):
        if any(n.get("nb_element") for n in (node, *ancestors(node))):
            continue  # a display: its figures come from the data
        line = next((n.line for n in (node, *ancestors(node)) if n.line), None)
        for attribute in ("alt", "reftitle"):
            if node.get(attribute) and not any(isinstance(n, figure_reference) for n in (node, *ancestors(node))):
                yield line, str(node[attribute]), node
        if isinstance(node, nodes.literal_block) and (node.get("language") in _CODE or "code" in node.get("classes", ())):
            continue
        if isinstance(node, nodes.TextElement) and not isinstance(node, (nodes.Inline, nodes.comment, nodes.math_block, nodes.target)):
            yield line, _plain(node), node


def _plain(node: nodes.Node) -> str:
    if isinstance(node, nodes.Text):
        return re.sub(r"https?://\S+", " ", node.astext())
    if isinstance(node, figure_reference) or (node.get("refdomain") == "cite") or isinstance(node, (nodes.citation_reference, nodes.raw)):
        return " "
    return "".join(_plain(child) for child in node.children)


def _claim_around(node: nodes.Node) -> Claim | None:
    for parent in ancestors(node):
        if parent.get("condition"):
            return Claim(0, 0, parent["condition"], parent["sentence"])
    return None


def check_site(folder: Path) -> list[BookProblem]:
    """Markup that stands as text on a written page, and links to places of the site that do not exist."""
    pages = {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.html"))}
    pages = {name: html for name, html in pages.items() if not name.startswith("_static/")}
    anchors = {name: set(re.findall(r'\s(?:id|name)="([^"]+)"', html)) for name, html in pages.items()}
    problems = []
    for name, html in pages.items():
        words = re.sub(r"<(script|style|pre|code|template)\b.*?</\1>", " ", html, flags=re.DOTALL)
        for match in _MARKUP.finditer(re.sub(r"<[^>]*>", "", words)):
            problems.append(BookProblem(name, None, "markup stands on the page as text", (("there", match[0].strip()[:160]),)))
        for path, anchor in sorted(set(re.findall(r'\shref="([^"#:?]*)#([^"]+)"', html))):
            target = posixpath.normpath(posixpath.join(posixpath.dirname(name), path)) if path else name
            if target in pages and unquote(anchor) not in anchors[target]:
                problems.append(BookProblem(name, None, "a link leads nowhere", (("there", f"{path}#{anchor}"),)))
        for path in sorted(set(re.findall(r'<a\s[^>]*?href="([^"#:?]+)["#?]', html))):
            target = posixpath.normpath(posixpath.join(posixpath.dirname(name), unquote(path)))
            if not (folder / target).exists():
                problems.append(BookProblem(name, None, "a link leads to no file of the site", (("there", path),)))
    return problems


def setup(app) -> None:
    app.connect("doctree-read", check_parsed)
