"""The command line: ``ctdild check | build | serve | accept``."""

from __future__ import annotations

import datetime
import json
import sys
from pathlib import Path

import click

from .evidence import Evidence, Problem, find_project, read


def _root(project: str | None) -> Path:
    try:
        return Path(project).resolve() if project else find_project()
    except FileNotFoundError as error:
        raise click.ClickException(str(error)) from None


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
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
        from . import checks

        problems = checks.run(evidence)
    return evidence, problems


@main.command()
@click.option(
    "--data", type=click.Path(), help="A data folder anywhere, checked against its own datapackage.json; then the prose is left out."
)
@click.option("--format", "style", type=click.Choice(["text", "json", "github"]), default="text", show_default=True)
@click.option("--verbose", is_flag=True, help="List explained and informative findings too.")
@click.pass_context
def check(context: click.Context, data: str | None, style: str, verbose: bool) -> None:
    """Check the data, and the chapters' prose against them. Exit 1 on any unexplained ERROR or WARN."""
    root = None if data else _root(context.obj)
    folder = Path(data) if data else root / "data"
    evidence, problems = check_data(folder)
    blocking = [p for p in problems if p.blocks]
    prose = _prose_problems(root, evidence) if root and evidence is not None else []
    if style == "json":
        click.echo(json.dumps([_as_json(p) for p in problems], ensure_ascii=False, indent=1))
    elif style == "github":
        for p in blocking:
            level = "error" if p.severity == "ERROR" else "warning"
            message = f"{p.message}. {p.repair or ''}".replace("%", "%25").replace("\n", "%0A")
            click.echo(f"::{level} file=data/{p.file},line={p.row or 1},title={p.rule}::{message}")
        for p in prose:
            message = "; ".join([p.what, *(f"{name}: {text}" for name, text in p.details)]).replace("%", "%25").replace("\n", "%0A")
            click.echo(f"::error file={p.page},line={p.line or 1},title=prose::{message}")
    else:
        for problem in problems:
            if problem.blocks or verbose:
                click.echo(str(problem))
        for problem in prose:
            click.echo(str(problem))
        click.echo(_summary(evidence, problems, prose), err=bool(blocking or prose))
    if prose and style == "json":
        click.echo("\n".join(str(p) for p in prose), err=True)
    raise SystemExit(1 if blocking or prose else 0)


def _as_json(p: Problem) -> dict:
    names = ("severity", "rule", "file", "row", "column", "value", "message", "repair", "explained")
    return {name: getattr(p, name) for name in names}


def _prose_problems(root: Path, evidence: Evidence) -> list:
    from .book.held import held_on, read_held, stale
    from .book.pages import read_pages
    from .book.prose import check_prose, failing_claims

    try:
        pages, held = read_pages(root), read_held(root)
    except (FileNotFoundError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    failing, unreadable = failing_claims(pages, evidence)
    open_claims = [p for page, claim, p in failing if held_on(held, page.name, claim.condition, claim.sentence) is None]
    return check_prose(pages, evidence) + unreadable + open_claims + stale(held, failing)


def _summary(evidence: Evidence | None, problems: list[Problem], prose: list) -> str:
    blocking = sum(p.blocks for p in problems)
    explained = sum(p.explained is not None for p in problems)
    if blocking or prose:
        parts = [f"{blocking} findings on the data" if blocking else "", f"{len(prose)} on the prose" if prose else ""]
        return "not clean: " + ", ".join(part for part in parts if part)
    counts = ", ".join(
        f"{len(evidence[table])} {table.replace('_', ' ')}" for table in ("trials", "contrasts", "arm_results", "statements")
    )
    return f"clean: {counts}" + (f"; {explained} findings explained" if explained else "")


@main.command()
@click.option("--hold-claims", is_flag=True, help="Publish with sentences that the data no longer support replaced, and logged.")
@click.option("--verbose", is_flag=True, help="Show all that Sphinx says.")
@click.pass_context
def build(context: click.Context, hold_claims: bool, verbose: bool) -> None:
    """Check, build aside, then put the new site in _build/html."""
    root = _root(context.obj)
    from .book.build import SITE, hold_failing_claims
    from .book.build import build as build_book

    click.echo("Checking the data")
    evidence, problems = check_data(root / "data")
    blocking = [p for p in problems if p.blocks]
    if blocking:
        for problem in blocking:
            click.echo(str(problem), err=True)
        _not_built(len(blocking))
    click.echo(f"  {_summary(evidence, problems, [])}")
    try:
        if hold_claims:
            number = hold_failing_claims(root, datetime.date.today())
            click.echo(f"  {number} sentences newly under revision, logged in chapters/held-claims.csv")
        click.echo("Building the pages")
        found = build_book(root, verbose=verbose)
    except (FileNotFoundError, ValueError) as error:
        raise click.ClickException(str(error)) from None
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
    from .book.golden import accept as accept_outputs

    for path, changed in accept_outputs(root):
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
