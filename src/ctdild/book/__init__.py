"""The book: pages with evidence on them, never older than the evidence.

``ctdild.book`` is also the name under which ``_config.yml`` takes the Sphinx extension, which is `ctdild.book.extension`.
Importing this package loads no Sphinx, so that `ctdild check` takes a moment.
"""

from __future__ import annotations

#: Set by `ctdild build`: the file to which problems are written, so that the command can print them readably.
REPORT_VARIABLE = "CTDILD_REPORT"
#: Set by `ctdild build --hold-claims`: the log of held sentences as it will be once the site is in place.
HELD_VARIABLE = "CTDILD_HELD"


def setup(app):
    """Entry point of Sphinx."""
    from .extension import setup as setup_extension

    return setup_extension(app)
