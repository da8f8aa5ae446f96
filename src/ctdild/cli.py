"""The command line: ``ctdild check | tidy | export | build | serve | accept``."""

from __future__ import annotations

import datetime
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from .evidence import Evidence, EvidenceError, Problem, find_project, read

if TYPE_CHECKING:
    from .book.problems import BookProblem


def _root(project: str | None) -> Path:
    try:
        return Path(project).resolve() if project else find_project()
    except FileNotFoundError as error:
        raise click.ClickException(str(error)) from None


class _Commands(click.Group):
    """The commands; what a person's files or disk brought about ends in a message, whichever command it stopped."""

    def invoke(self, context: click.Context):
        try:
            return super().invoke(context)
        except BrokenPipeError:
            raise  # the reader of the output has gone; click ends quietly
        except EvidenceError as error:
            _end(error.problems)
        except OSError as error:
            from .book.problems import disk_problem

            _end([disk_problem(Path.cwd(), error)])


def _end(problems: Iterable[object]) -> NoReturn:
    """Tell the problems and leave with exit code 1."""
    click.echo("\n".join(str(problem) for problem in problems), err=True)
    raise SystemExit(1)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--project", type=click.Path(file_okay=False), help="The project's folder; default: found from the working directory upwards."
)
@click.pass_context
def main(context: click.Context, project: str | None) -> None:
    """The CTD-ILD living review: check its evidence, build its book."""
    context.obj = project


def check_data(data: Path) -> tuple[Evidence | None, list[Problem]]:
    """The evidence of a data folder and every finding on it."""
    evidence, problems = read(data)
    if evidence is not None:
        from .book import gate

        problems = gate.on_data(evidence)
    return evidence, problems


@main.command()
@click.option(
    "--data", type=click.Path(), help="A data folder anywhere, checked against its own datapackage.json; then the prose is left out."
)
@click.option("--format", "style", type=click.Choice(["text", "json", "github"]), default="text", show_default=True)
@click.option("--verbose", is_flag=True, help="List explained findings too, with the reason.")
@click.pass_context
def check(context: click.Context, data: str | None, style: str, verbose: bool) -> None:
    """Check the data, and the chapters' prose against them. Exit 1 on any unexplained ERROR or WARN.

    With --format json a list of findings; a file is named from the data folder, a page as ../chapters/NAME.md (rule prose).
    """
    root = None if data else _root(context.obj)
    folder = Path(data) if data else root / "data"
    evidence, problems = check_data(folder)
    blocking = [p for p in problems if p.blocks]
    prose = _prose_problems(root, evidence) if root else []
    if style == "json":
        found = [_as_json(p) for p in problems] + [_prose_as_json(p) for p in prose]
        click.echo(json.dumps(found, ensure_ascii=False, indent=1))
    elif style == "github":
        base = _repository(root or Path.cwd())
        for p in problems:
            if p.blocks or p.severity == "INFO":
                level = {"ERROR": "error", "WARN": "warning", "INFO": "notice"}[p.severity]
                message = f"{p.message}. {p.repair or ''}"
                click.echo(_annotation(base, level, folder / p.file, p.row, p.rule, message))
        for p in prose:
            message = "; ".join([p.what, *(f"{name}: {text}" for name, text in p.details)])
            click.echo(_annotation(base, "error", root / p.page, p.line, PROSE, message))
    else:
        for problem in problems:
            if problem.blocks or problem.severity == "INFO" or verbose:
                click.echo(str(problem))
        for problem in prose:
            click.echo(str(problem))
        click.echo(_summary(evidence, problems, prose), err=bool(blocking or prose))
    raise SystemExit(1 if blocking or prose else 0)


@main.command()
@click.option("--data", type=click.Path(file_okay=False, exists=True), help="A data folder anywhere; default: the project's.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.pass_context
def tidy(context: click.Context, data: str | None, dry_run: bool) -> None:
    """Undo what a spreadsheet did to the tables: figures as printed at the last commit, quotes, line ends, order. Changes no fact."""
    from .evidence import EvidenceError
    from .tidy import last_commit
    from .tidy import tidy as tidy_tables

    folder = Path(data) if data else _root(context.obj) / "data"
    if last_commit(folder)("datapackage.json") is None:
        click.echo(
            "No last commit to compare with (git, or a commit of this folder, is missing): reprinted figures cannot be restored.", err=True
        )
    try:
        found = list(tidy_tables(folder, write=not dry_run))
    except EvidenceError as error:
        raise click.ClickException(str(error)) from None
    for table in found:
        for what in table.restored:
            click.echo(f"{table.file} {what}")
        if table.rewritten:
            click.echo(f"{table.file}: {', '.join(table.rewritten)}")
        if table.left_alone:
            click.echo(f"{table.file} was left alone: {table.left_alone}")
    restored = sum(len(table.restored) for table in found)
    click.echo(f"{restored} reprinted cells restored" + (" (not written)" if dry_run and found else "") if found else "Nothing to tidy.")
    raise SystemExit(1 if any(table.left_alone for table in found) else 0)


#: The rule of a finding on the pages, in the formats that name one.
PROSE = "prose"


def _as_json(p: Problem) -> dict:
    names = ("severity", "rule", "file", "row", "column", "value", "message", "repair", "explained")
    return {name: getattr(p, name) for name in names}


def _prose_as_json(p: BookProblem) -> dict:
    """A finding on a page in the form of one on the data. Files are named from the data folder: a page lies outside of it."""
    details = dict(p.details)
    repair, value = details.pop("do", None), details.pop("there", None)
    message = "; ".join([p.what, *(f"{name}: {text}" for name, text in p.details if name in details)])
    return _as_json(Problem("ERROR", PROSE, f"../{p.page}", p.line, None, value, message, repair))


def _repository(start: Path) -> Path:
    """The checkout that a folder lies in; the folder itself where there is none."""
    return next((folder for folder in (start, *start.parents) if (folder / ".git").exists()), start)


def _annotation(repository: Path, level: str, file: Path, line: int | None, title: str, message: str) -> str:
    """A workflow command of GitHub: its file is named from the root of the repository where it lies in it, else as given."""
    absolute = file.resolve()
    name = absolute.relative_to(repository) if absolute.is_relative_to(repository) else file
    place = f"file={_escaped(name.as_posix(), in_property=True)},line={line or 1},title={_escaped(title, in_property=True)}"
    return f"::{level} {place}::{_escaped(message)}"


def _escaped(text: str, *, in_property: bool = False) -> str:
    for character in "%\r\n" + (":," if in_property else ""):
        text = text.replace(character, f"%{ord(character):02X}")
    return text


def _prose_problems(root: Path, evidence: Evidence | None) -> list[BookProblem]:
    """Everything that stops the pages; without evidence, what can be told without it."""
    from .book import gate
    from .book.held import read_held
    from .book.pages import survey
    from .book.problems import BookError

    pages, problems = survey(root)
    try:
        held = read_held(root)
    except BookError as error:
        return problems + error.problems
    # The sentence of a held row may stand in the page that cannot be read.
    return problems + (gate.on_pages(pages, evidence, held, whole=not problems) if evidence is not None else [])


def _summary(evidence: Evidence | None, problems: list[Problem], prose: list) -> str:
    blocking = sum(p.blocks for p in problems)
    explained = sum(p.explained is not None for p in problems)
    notes = sum(p.severity == "INFO" for p in problems)
    if blocking or prose:
        parts = [f"{blocking} findings on the data" if blocking else "", f"{len(prose)} on the prose" if prose else ""]
        return "not clean: " + ", ".join(part for part in parts if part)
    counts = ", ".join(
        f"{len(evidence[table])} {table.replace('_', ' ')}" for table in ("trials", "contrasts", "arm_results", "statements")
    )
    return f"clean: {counts}" + (f"; {explained} findings explained" if explained else "") + (f"; {notes} to look at" if notes else "")


@main.group()
def export() -> None:
    """Write what others compute with."""


@export.command()
@click.option("--data", type=click.Path(file_okay=False, exists=True), help="A data folder anywhere; default: the project's.")
@click.option("--output", type=click.Path(dir_okay=False), help="The file to write, such as estimates.csv; default: standard output.")
@click.pass_context
def estimates(context: click.Context, data: str | None, output: str | None) -> None:
    """The comparisons that may be pooled, one a line, with estimate and standard error: CSV for R, Python or a spreadsheet.

    Exit 1 where the check finds something that stops the book: then nothing is written.
    """
    found, problems = check_data(Path(data) if data else _root(context.obj) / "data")
    if blocking := [p for p in problems if p.blocks]:
        _end([*blocking, "Nothing was exported."])
    from .synthesis.estimates import as_csv

    text = as_csv(found)
    if output:
        Path(output).write_bytes(text.encode())
    else:
        click.echo(text.encode(), nl=False)
    number = len(text.splitlines()) - 1
    click.echo(f"{number} comparisons" + (f" in {output}" if output else ""), err=True)


@main.command()
@click.option("--hold-claims", is_flag=True, help="Publish with sentences that the data no longer support replaced, and logged.")
@click.option("--verbose", is_flag=True, help="Show all that Sphinx says.")
@click.pass_context
def build(context: click.Context, hold_claims: bool, verbose: bool) -> None:
    """Check, build aside, then put the new site in _build/html."""
    root = _root(context.obj)
    from .book.build import SITE
    from .book.build import build as build_book

    click.echo("Checking the data")
    evidence, problems = check_data(root / "data")
    blocking = [p for p in problems if p.blocks]
    if blocking:
        for problem in blocking:
            click.echo(str(problem), err=True)
        _not_built(len(blocking))
    click.echo(f"  {_summary(evidence, problems, [])}")
    click.echo("Building the pages")
    found = build_book(root, verbose=verbose, hold_on=datetime.date.today() if hold_claims else None, told=click.echo)
    if found:
        click.echo("", err=True)
        for problem in found:
            click.echo(str(problem) + "\n", err=True)
        _not_built(len(found))
    click.echo(f"Done. Open {(root / SITE / 'index.html').relative_to(Path.cwd()) if root == Path.cwd() else root / SITE / 'index.html'}")


def _not_built(number: int) -> None:
    click.echo(f"The book was not built: {number} problem{'s' if number > 1 else ''}. The last good site is untouched.", err=True)
    raise SystemExit(1)


@main.command()
@click.pass_context
def accept(context: click.Context) -> None:
    """Run the chapters and take their outputs as the golden ones (tests/golden/)."""
    root = _root(context.obj)
    evidence, problems = check_data(root / "data")
    if evidence is None:
        _end(problems)
    from .book.golden import accept as accept_outputs
    from .book.problems import BookError

    try:
        accepted = accept_outputs(root)
    except BookError as error:
        _end([*error.problems, "Nothing was accepted; tests/golden is untouched."])
    for path, changed in accepted:
        click.echo(f"  {path.relative_to(root)}  {'changed' if changed else 'as before'}")


@main.command()
@click.option("--port", default=8000, show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True)
@click.pass_context
def serve(context: click.Context, port: int, host: str) -> None:
    """Build, serve and rebuild on each edit of data, chapters or code; the browser reloads by itself."""
    root = _root(context.obj)
    from .book.serve import serve as serve_book

    serve_book(root, host, port)


if __name__ == "__main__":
    sys.exit(main())
