"""The rules of the prose, checked before anything is built.

**No typed figures.** A number of the evidence reaches a sentence through ``{ev}``, never through the keyboard.
Digits are allowed in prose only where they are no evidence:

- years (``2019``, ``2017–2023``), days (``6 September 2019``, ``2026-11-24``), ``phase 2b``, ``grade 3``, ``section 4.1``;
- names: a digit joined to letters (``CD20``, ``IL-6``, ``SF-36``, ``MDA5``, ``CC BY 4.0``), ``6-minute walk``, acronyms of trials;
- ``95%`` in front of *confidence* or *CI*, ``per 100``, ordinals such as ``1st``, the number of a list item or a footnote;
- links, addresses, citations and the arguments of roles and of directives that print none of them, which are not prose.

Number words count as typed figures where they stand for evidence: before a unit ("thirty patients", "two years"), as a
share ("two-thirds", "one in five") or a multiple ("twice as many", "halved"). A length of time may be said in words where
the claim around it guards that length ("after two years" under ``ADDRESS weeks = 104``).

**No bare "no difference".** A sentence that says that no difference was shown stands in a ``{claim}`` that guards on
``interval includes null`` (and prints that interval), or, where no interval is known, on ``p >= 0.05`` (and prints that p)
or on a source that ``says no difference shown``.

The words that are looked for stand in `ctdild.book.wording`. This module reads the sources of the pages, which takes a
moment and gives lines; `ctdild.book.seen` applies the same rules to the pages as readers will see them.

**No quotation marks round an {ev}.** What a row says is said in our words, not in those of its source.

**Cells are one call.** No logic in chapters.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from ..claims import ClaimError, clauses, evaluate, guarded_weeks
from ..evidence import Evidence
from .pages import BookProblem, Claim, Line, Page
from .wording import no_difference, typed_figures

_NOT_PROSE = re.compile(
    r"\{(ev|cite(:\w+)?|download)\}`[^`]*`"  # roles that print no words of ours
    r"|\{[\w:+-]+\}(?=`)"
    r"|\]\([^)]*\)"  # targets of links
    r"|<?https?://[^\s>)]+>?"
    r"|^\([\w-]+\)=\s*$"  # labels
    r"|\[\^[\w-]+\]:?"  # footnotes
    r"|<!--.*?-->"
    r"|\{[#.][\w -]+\}"  # attributes
)


def check_prose(pages: list[Page], evidence: Evidence) -> list[BookProblem]:
    """Every problem of the pages that can be seen without building them, in the order of the book.

    Claims that no longer hold are not among them: see `failing_claims`.
    """
    problems: list[BookProblem] = []
    for page in pages:
        problems += _check_scope(page, evidence)
        problems += _check_cells(page)
        problems += _check_markup(page)
        problems += _check_figures(page, evidence)
        problems += _check_no_difference(page)
        problems += _check_references(page, evidence)
    return problems


def failing_claims(pages: list[Page], evidence: Evidence) -> tuple[list[tuple[Page, object, BookProblem]], list[BookProblem]]:
    """(page, claim, problem) of each guarded sentence that the data no longer support; and conditions that cannot be read."""
    failing, unreadable = [], []
    for page in pages:
        if not page.claims:
            continue
        try:
            visible = evidence.scope(page.scope) if page.scope else None
        except KeyError:
            continue  # named by check_prose
        for claim in page.claims:
            if visible is None:
                unreadable.append(BookProblem(page.name, claim.line, "a claim on a page that declares no evidence scope"))
                continue
            try:
                if claim.condition.rstrip().endswith(";"):
                    raise ClaimError(
                        "it ends in ; as if it went on in the next line, which would be printed and not checked: write it in one line"
                    )
                broken = [v for v in evaluate(claim.condition, visible) if not v.holds]
            except ClaimError as error:
                unreadable.append(
                    BookProblem(page.name, claim.line, "the condition of a claim cannot be read", (("condition", str(error)),))
                )
                continue
            if broken:
                details = [("sentence", _shorten(claim.sentence))]
                for verdict in broken:
                    details += [("condition", verdict.clause), ("value", verdict.value)]
                details.append(("do", "rewrite the sentence, mend the data, or publish it as under revision: make book HOLD_CLAIMS=1"))
                failing.append(
                    (page, claim, BookProblem(page.name, claim.line, "the data no longer support this sentence", tuple(details)))
                )
    return failing, unreadable


def _shorten(text: str, limit: int = 300) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _check_scope(page: Page, evidence: Evidence) -> Iterator[BookProblem]:
    if page.scope is None:
        if page.cells or page.references:
            yield BookProblem(page.name, 1, "the page shows evidence but declares no scope",
                              (("do", "add to its front matter: evidence: {scope: NAME}"),))  # fmt: skip
        return
    try:
        evidence.scope(page.scope)
    except KeyError as error:
        yield BookProblem(page.name, 1, str(error.args[0]))


#: What a cell may be tagged with: how it looks. Others would publish a cell that failed or was not run.
_TAGS = frozenset({"remove-cell", "remove-input", "remove-output"})


def _check_cells(page: Page) -> Iterator[BookProblem]:
    """A cell is one call of a public name of ctdild, and it is always run: what it shows is what the evidence says."""
    from .. import display

    names = {*display.__all__, "scope"}
    if "jupytext" in page.front_matter or "mystnb" in page.front_matter:
        yield BookProblem(page.name, 1, "the front matter makes a notebook in another way than the book's own, or changes how cells run",
                          (("do", "keep file_format: mystnb, kernelspec and evidence only"),))  # fmt: skip
    if page.is_notebook is False and re.search(r"^`{3,}\s*\{code-cell\}", page.text, re.MULTILINE):
        yield BookProblem(
            page.name, 1, "the page has cells that would not be run", (("do", "add to its front matter: file_format: mystnb"),)
        )
    for line in page.lines:
        tags = re.match(r"\s*:tags:\s*\[?(.*?)\]?\s*$", line.text) if line.kind == "option" else None
        wrong = {tag.strip().strip("'\"") for tag in tags[1].split(",")} - _TAGS if tags else set()
        if wrong:
            yield BookProblem(page.name, line.number, f"the tag {', '.join(sorted(wrong))} is none of {', '.join(sorted(_TAGS))}")
    for number, code in page.cells:
        try:
            body = ast.parse(code).body
        except SyntaxError as error:
            yield BookProblem(page.name, number + (error.lineno or 1) - 1, f"a code cell is not Python: {error.msg}")
            continue
        imports = [node for node in body if isinstance(node, (ast.Import, ast.ImportFrom))]
        rest = [node for node in body if node not in imports]
        call = rest[0].value if len(rest) == 1 and isinstance(rest[0], (ast.Expr, ast.Assign)) else None
        simple = isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
        arguments = [*call.args, *(k.value for k in call.keywords)] if simple else []
        if not simple or not all(isinstance(a, (ast.Name, ast.Constant)) for a in arguments):
            yield BookProblem(page.name, number, "a code cell is more than one call",
                              (("there", _shorten(code.replace("\n", " ⏎ "), 120)), ("do", "move the logic to src/ctdild and call it")))  # fmt: skip
        elif call.func.id not in names or any(not isinstance(i, ast.ImportFrom) or i.module != "ctdild" for i in imports):
            yield BookProblem(page.name, number, "a code cell calls something else than a display of ctdild",
                              (("there", _shorten(code.replace("\n", " ⏎ "), 120)), ("do", "call scope() or a display of ctdild")))  # fmt: skip


def figure_problem(page: str, line: int | None, text: str, found: list[str]) -> BookProblem:
    """The problem of figures typed into a text."""
    return BookProblem(page, line, "a figure is typed into the prose",
                       (("there", ", ".join(found)), ("sentence", _shorten(text.strip(), 160)),
                        ("do", "print it with {ev}`address`, so that it has a source and follows the data")))  # fmt: skip


def guard_problem(page: str, line: int | None, text: str, claim: Claim | None) -> BookProblem | None:
    """The problem of a text that says "no difference" and is not covered by its guard; None if there is none."""
    words = no_difference(text)
    why = _unguarded(claim) if words else None
    return why and BookProblem(page, line, f"“{words}” {why}",
                               (("sentence", _shorten(text.strip(), 160)),
                                ("do", "guard it with {claim} ADDRESS interval includes null and print {ev}`ADDRESS`; or guard on what a source says")))  # fmt: skip


def _words(line: Line) -> str:
    """A line without what is no prose of ours; targets of links go, their titles stay to be read."""
    return _NOT_PROSE.sub(lambda m: "]" + " ".join(re.findall(r'"[^"]*"', m[0])) if m[0].startswith("]") else " " * len(m[0]), line.text)


def _claim_around(page: Page, line: Line) -> Claim | None:
    return next((claim for claim in page.claims if claim.line < line.number < claim.end), None)


def weeks_of(claim: Claim | None) -> set[int]:
    """The lengths of time that a claim guards, in weeks; none where its condition cannot be read, which is named elsewhere."""
    try:
        return guarded_weeks(claim.condition) if claim else set()
    except ClaimError:
        return set()


def _check_figures(page: Page, evidence: Evidence) -> Iterator[BookProblem]:
    names = [trial.acronym for trial in evidence["trials"]]
    for line in page.lines:
        weeks = weeks_of(_claim_around(page, line))
        found = typed_figures(_words(line), names, weeks) if line.kind == "prose" else []
        if found:
            yield figure_problem(page.name, line.number, line.text, found)


def _check_no_difference(page: Page) -> Iterator[BookProblem]:
    for line in page.lines:
        if line.kind == "prose" and page.scope is not None:
            problem = guard_problem(page.name, line.number, _words(line), _claim_around(page, line))
            if problem:
                yield problem


def _check_markup(page: Page) -> Iterator[BookProblem]:
    """Roles and claims that would not be read as such, and be published as text or be lost."""
    headings = {line.number for line in page.lines if line.kind == "prose" and line.text.startswith("#")}
    for line in page.lines:
        if line.kind in ("cell", "front matter", "literal"):
            continue
        if re.search(r"\{(ev|claim|term|trial|cite(:\w+)?)\}(?!`)", line.text) and line.kind == "prose":
            yield BookProblem(page.name, line.number, "a role or directive is written so that it would be printed as text",
                              (("there", _shorten(line.text.strip(), 160)),
                               ("do", "a role is {ev}`address`; a directive stands alone at the start of its line, behind three colons or more")))  # fmt: skip
        elif line.kind == "prose" and re.search(r"[\"“‘']\{ev\}`|\{ev\}`[^`]*`[\"”’](?!s\b)", line.text):
            yield BookProblem(page.name, line.number, "a figure in quotation marks: the words of a row are ours, not those of its source",
                              (("there", _shorten(line.text.strip(), 160)), ("do", "leave the marks out")))  # fmt: skip
        elif "{ev}" in line.text and (line.kind != "prose" or line.number in headings or re.match(r"\s*(`{3,}|:{3,})", line.text)):
            yield BookProblem(page.name, line.number, "a figure in a heading, title or option: it could not link to its source there",
                              (("there", _shorten(line.text.strip(), 160)), ("do", "print it in a sentence below")))  # fmt: skip


def _unguarded(claim) -> str | None:
    """Why a sentence that says "no difference" is not covered by its guard; None if it is."""
    if claim is None:
        return "stands without a claim that guards it"
    try:
        conditions = clauses(claim.condition)
    except ClaimError:
        return "stands in a claim without a condition"
    for clause in conditions:
        address = clause.split()[0]
        limit = re.search(r" p >=? (0?\.\d+)$", clause)
        interval = re.fullmatch(r"\S+ (\S+) includes null", clause)  # of a contrast, or one of the answers of a pool
        if interval:
            shown = r"(\s+(full|interval))?" if interval[1] == "interval" else rf"\s+{re.escape(interval[1])}"
            printed = re.search(rf"\{{ev\}}`{re.escape(address)}{shown}`", claim.sentence)
            return None if printed else "is guarded by an interval that the sentence does not print"
        if limit and float(limit[1]) >= 0.05:
            printed = re.search(rf"\{{ev\}}`{re.escape(address)}(\s+(full|p))?`", claim.sentence)
            return None if printed else "is guarded by a p-value that the sentence does not print"
        if clause.endswith(" says no difference shown"):
            return None
    return "is not guarded by “interval includes null”, a p-value or “says no difference shown”"


def _check_references(page: Page, evidence: Evidence) -> Iterator[BookProblem]:
    from .figures import EvidenceReferenceError, figure_text

    if page.scope is None:
        return
    try:
        visible = evidence.scope(page.scope)
    except KeyError:
        return
    for number, content in page.references:
        try:
            figure_text(visible, content)
        except EvidenceReferenceError as error:
            yield BookProblem(page.name, number, str(error), (("there", f"{{ev}}`{content}`"),))
