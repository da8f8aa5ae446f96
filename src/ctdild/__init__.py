"""The CTD-ILD living review: evidence, checks, displays and the book that is made of them.

What a chapter uses: `scope` for the slice of the evidence that it may see, and one function a display
(see `ctdild.display`).
"""

from __future__ import annotations

import importlib
import os

__version__ = "0.1.0"

#: Set for the kernel of a chapter: the scope that its front matter declares.
SCOPE_VARIABLE = "CTDILD_SCOPE"
#: Set for the kernel of a chapter while the book is built: the digest of the slice that was checked.
DIGEST_VARIABLE = "CTDILD_DIGEST"


def scope(name: str):
    """The slice of the evidence that a chapter declares in its front matter.

    Raises `ctdild.evidence.EvidenceError` for unusable data, `KeyError` for an unknown scope, and `PermissionError`
    when a chapter asks for another scope than it declares (a page rebuilds on what it declares, so it may not see more).
    """
    from .evidence import load

    declared = os.environ.get(SCOPE_VARIABLE)
    if declared is not None and declared != name:
        raise PermissionError(f"this page declares evidence scope {declared!r} in its front matter, its cell asks for {name!r}")
    visible = load().scope(name)
    checked = os.environ.get(DIGEST_VARIABLE)
    if checked and visible.digest() != checked:
        raise RuntimeError("the data were edited while the book was being built: run it again")
    return visible


def __getattr__(name: str):
    # Displays are imported when first used: the command line works without them.
    display = importlib.import_module("ctdild.display")
    if name in display.__all__:
        return getattr(display, name)
    raise AttributeError(f"module 'ctdild' has no attribute {name!r}")
