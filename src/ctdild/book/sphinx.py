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
    return result if isinstance(result, int) else 1


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
