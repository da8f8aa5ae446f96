"""`ctdild serve`: the site on this machine, built anew on each edit; the browser reloads by itself."""

from __future__ import annotations

from pathlib import Path

import click

from .build import SITE, build
from .problems import BookProblem

#: What an edit of rebuilds the site.
WATCHED = (
    "data/*.csv",
    "data/*.json",
    "data/*.bib",
    "*.md",
    "chapters/*.md",
    "chapters/*.csv",
    "_config.yml",
    "_toc.yml",
    "src/ctdild/**/*.*",
)


def serve(root: Path, host: str, port: int) -> None:
    """Serve ``_build/html`` until interrupted. A failed build is told, and the last good site goes on being shown."""
    from livereload import Server

    rebuild(root)
    if not (root / SITE).exists():
        raise click.ClickException("there is no site to serve yet: mend the problems above first")
    server = Server()
    for pattern in WATCHED:
        server.watch(str(root / pattern), lambda: rebuild(root))
    click.echo(f"Open http://{host}:{port} (Ctrl-C ends)")
    try:
        server.serve(root=str(root / SITE), host=host, port=port, open_url_delay=None)
    except OSError as error:
        raise click.ClickException(f"cannot serve on {host}:{port}: {error.strerror or error}; name another port with --port") from None


def rebuild(root: Path) -> bool:
    """Build after an edit and say how it went; whether the site is new. Raises nothing: the next edit is the next chance."""
    try:
        problems = build(root)
    except Exception as error:  # what nobody foresaw must not end the serving either
        problems = [BookProblem("the book", None, f"could not be built: {type(error).__name__}: {error}")]
    for problem in problems:
        click.echo(f"{problem}\n", err=True)
    click.echo("not rebuilt; the last good site is shown" if problems else "rebuilt")
    return not problems
