"""Runs Jupyter Book's own Sphinx build, strictly (``-n -W --keep-going``), from an environment without a past.

Called as ``python -m ctdild.book.sphinx ROOT OUTPUT quiet|verbose``, in a process of its own: Sphinx changes global state.
"""

from __future__ import annotations

import sys
from pathlib import Path


def main(root: str, output: str, noise: str) -> int:
    from jupyter_book.sphinx import build_sphinx

    result = build_sphinx(
        Path(root),
        Path(output) / "html",
        noconfig=True,
        path_config=Path(root) / "_config.yml",
        confoverrides={"external_toc_path": (Path(root) / "_toc.yml").as_posix(), "latex_individualpages": False, "nitpicky": True},
        warningiserror=True,
        keep_going=True,
        freshenv=True,
        quiet=noise == "quiet",
    )
    if isinstance(result, int):
        return result
    _report_disk(Path(root), result)
    return 1


def _report_disk(root: Path, error: BaseException | None) -> None:
    """Whether a disk is full or closed is not seen from Sphinx' own message: it names an event, not the file."""
    from .extension import report_problems
    from .problems import disk_problem

    while error is not None and not isinstance(error, OSError):
        error = error.__cause__
    if error is not None:
        report_problems([disk_problem(root, error)])


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
