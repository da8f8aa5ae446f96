"""What the theme leaves out or puts in too much: colours without a script, scripts that ask other hosts or do nothing here.

The theme resolves "as the reader's system" by script only. Its own light and dark rules are repeated for pages on which no
script has done so; they are read from the installed theme, so that they follow it.
"""

from __future__ import annotations

import re
import unicodedata
from html import escape
from pathlib import Path

import pydata_sphinx_theme
import sphinx_book_theme
from pybtex.database import Entry
from pybtex.plugin import register_plugin
from pybtex.style.formatting import toplevel
from pybtex.style.formatting.plain import Style as PlainStyle
from pybtex.style.formatting.unsrt import date, pages
from pybtex.style.template import field, first_of, join, optional, optional_field, sentence, tag, words

from ..display.text import date_text

SHEETS = (
    Path(pydata_sphinx_theme.__file__).parent / "theme/pydata_sphinx_theme/static/styles/pydata-sphinx-theme.css",
    Path(sphinx_book_theme.__file__).parent / "theme/sphinx_book_theme/static/styles/sphinx-book-theme.css",
)
COLOUR_SHEET = "colours-without-script.css"
#: Live code needs a server on another host; this book has none. It has no tabs and no cells that hide either.
UNWANTED = ("sphinx-thebe", "thebe_selector", "togglebutton", "toggleHint", "toggleOpenOnPrint", "design-tabs")
#: Only a page with code to copy needs what copies it.
COPYING = ("clipboard", "copybutton")
#: What the theme's templates load whatever is asked of them: icons that `site.css` draws, the settings of live code, and the index of
#: the search, which only its own page uses (the others lead there).
_ICONS = r'\s*<script[^>]*\bsrc="[^"]*_static/scripts/fontawesome\.js[^"]*"[^>]*></script>'
_LIVE_CODE = r'\s*<script type="text/x-thebe-config">.*?</script>\s*<script>\s*kernelName = [^<]*</script>'
_SEARCH = r'\s*<script[^>]*\bsrc="[^"]*(?:_static/searchtools\.js|_static/language_data\.js|searchindex\.js)[^"]*"[^>]*></script>'
_FONT = ("_static/scripts", "fontawesome.js*"), ("_static/vendor/fontawesome/webfonts", "*")


def colours_without_script(sheets: list[str]) -> str:
    """The light rules of style sheets, and the dark ones for a reader who prefers dark, where no script runs; on paper, light.

    Raises `ValueError` when there are none: the theme has changed how it chooses its colours.
    """
    unset = ("html[data-theme=auto]", "html:not([data-theme])")
    light, dark = (_rules(sheets, f"html[data-theme={mode}]", unset) for mode in ("light", "dark"))
    paper = _rules(sheets, "html[data-theme=light]", ("html[data-theme]",))
    return "\n".join([*light, "@media screen and (prefers-color-scheme: dark) {", *dark, "}", "@media print {", *paper, "}", ""])


def _rules(sheets: list[str], mode: str, others: tuple[str, ...]) -> list[str]:
    """The rules for a mode, under other selectors in its place."""
    rules = []
    for sheet in sheets:
        for selectors, body in re.findall(rf"([^{{}}@/;]*{re.escape(mode)}[^{{}}]*)\{{([^{{}}]*)\}}", sheet):
            named = [s.strip() for s in selectors.split(",") if mode in s]
            rules.append(f"{', '.join(s.replace(mode, other) for s in named for other in others)} {{{body}}}")
    if not rules:
        raise ValueError(f"the theme's style sheets have no rule for {mode}")
    return rules


class TitlesAsPrinted(PlainStyle):
    """The plain style of references, but for what a reader would stumble over.

    Titles stay as printed: in lower case, CAR-T and ERS/EULAR would lose their capitals. An author or a year that was not read is
    said in words behind the work, which then is sorted by its title; and a year that stands in the title is not said again.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        by_author = self.sort
        self.sort = lambda entries: sorted(by_author(entries), key=_sorted_by)

    def format_entry(self, label, entry, bib_data=None):
        return super().format_entry(label, _as_read(entry), bib_data)

    def format_title(self, e, which_field, as_sentence=True):
        title = field(which_field)
        return sentence[title] if as_sentence else title

    def get_article_template(self, e):
        where = first_of[optional[join[field("volume"), optional["(", field("number"), ")"], ":", pages]], words["pages", pages]]
        return toplevel[
            optional[self.format_names("author")],
            self.format_title(e, "title"),
            sentence[tag("em")[field("journal")], optional[where], optional[date]],
            sentence[optional_field("note")],
            self.format_web_refs(e),
        ]


_UNREAD = "not read]"


def _authors(entry: Entry) -> list[str]:
    """The authors as texts; none where they were not read."""
    names = [str(person) for person in entry.persons.get("author", ())]
    return [] if any(_UNREAD in name for name in names) else names


def _sorted_by(entry: Entry) -> str:
    """The first author, or the first word of the title, without the bracket of a title that is only described."""
    names = _authors(entry)
    first = names[0] if names else entry.fields.get("title", "")
    plain = unicodedata.normalize("NFKD", first).encode("ascii", "ignore").decode()
    return re.sub(r"^\W+(?:title not seen:\s*)?", "", plain.replace("{", "").replace("}", "").casefold())


def _as_read(entry: Entry) -> Entry:
    """A work as the list of references prints it; see `TitlesAsPrinted`."""
    fields = dict(entry.fields.items())
    year, title, note = fields.get("year", ""), fields.get("title", ""), fields.get("note", "")
    unread = []
    if entry.persons.get("author") and not _authors(entry) and "uthors" not in note:
        unread.append("authors")
    if _UNREAD in year and "ear" not in note and "registry record" not in title:
        unread.append("year")
    if _UNREAD in year or year in f"{title} {fields.get('howpublished', '')}":
        fields.pop("year", None)
    if unread:
        said = f"{' and '.join(unread)} not read".capitalize()
        fields["note"] = f"{said}; {note[:1].lower()}{note[1:]}" if note else said
    shown = Entry(entry.type, fields, {role: people for role, people in entry.persons.items() if role != "author" or _authors(entry)})
    shown.key = entry.key
    return shown


def _write_colours(app) -> None:
    folder = Path(app.doctreedir).parent / "ctdild-static"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / COLOUR_SHEET).write_text(colours_without_script([path.read_text(encoding="utf-8") for path in SHEETS]), encoding="utf-8")
    app.config.html_static_path.append(str(folder))


def _date_footer(app) -> None:
    """Every page says which state of the data it shows: the version, and the newest day on which a source was read."""
    evidence = app.ctdild.evidence
    read = max((source.read_on for source in evidence["sources"] if source.read_on), default=None)
    until = f"; the newest source was read on {date_text(read)}" if read else ""
    app.config.html_theme_options["extra_footer"] = f"<p>Data version {escape(evidence.version)}{until}.</p>"


def _forget_late_sheet(app) -> None:
    """MyST-NB adds its style sheet after the pages are written, so that only a second build finds it and stamps its links."""
    for path in (Path(app.outdir) / "_static").glob("mystnb.*.css"):
        path.unlink()


def _forget_build_record(app, error) -> None:
    """Sphinx' note on how it built names this folder, so that two checkouts would differ; every build is anew, none reads it."""
    (Path(app.outdir) / ".buildinfo").unlink(missing_ok=True)


def _drop_unwanted(app, pagename, templatename, context, doctree) -> None:
    unwanted = UNWANTED if 'class="highlight' in context.get("body", "") else (*UNWANTED, *COPYING)

    def wanted(asset) -> bool:
        told = f"{getattr(asset, 'filename', '') or ''} {getattr(asset, 'attributes', {}).get('body', '') or ''}"
        return not any(name in told for name in unwanted)

    for kind in ("script_files", "css_files"):
        context[kind] = [asset for asset in context[kind] if wanted(asset)]


def lighter(html: str, searches: bool = False) -> str:
    """A page without the scripts that it loads and does not use; the page that searches keeps those of the search."""
    unused = [_ICONS, _LIVE_CODE, *([] if searches else [_SEARCH])]
    return re.sub("|".join(unused), "", html, flags=re.DOTALL)


def _lighten(app, error) -> None:
    """The theme's templates name these scripts themselves, so they are taken out of the pages when those are written."""
    out = Path(app.outdir)
    if error is not None or app.builder.format != "html":
        return
    for path in out.rglob("*.html"):
        html = path.read_text(encoding="utf-8")
        light = lighter(html, searches=path.name == "search.html")
        if light != html:
            path.write_text(light, encoding="utf-8")
    for folder, pattern in _FONT:
        for path in (out / folder).glob(pattern):
            path.unlink()


def _mend_citation_list(app, pagename, templatename, context, doctree) -> None:
    """Sphinx calls the bibliography a list whose children are no list items, which misleads screen readers."""
    if "body" in context:
        context["body"] = context["body"].replace('<div role="list" class="citation-list">', '<div class="citation-list">')


def _name_toggles(app, pagename, templatename, context, doctree) -> None:
    """The theme's toggles of the side bar have no name for those who do not see them."""
    draw = context.get("generate_toctree_html")
    if draw is not None:
        name = '<summary aria-label="Pages of this part">'
        context["generate_toctree_html"] = lambda *args, **kwargs: str(draw(*args, **kwargs)).replace("<summary>", name)


def setup(app) -> None:
    register_plugin("pybtex.style.formatting", "titles-as-printed", TitlesAsPrinted)
    app.connect("config-inited", lambda app, config: _date_footer(app), priority=200)  # once the evidence is read
    app.connect("builder-inited", _write_colours)
    app.connect("builder-inited", _forget_late_sheet)
    app.connect("build-finished", _forget_build_record)
    app.connect("build-finished", _lighten)
    app.connect("html-page-context", _drop_unwanted, priority=900)
    app.connect("html-page-context", _mend_citation_list)
    app.connect("html-page-context", _name_toggles, priority=900)
    app.add_css_file(COLOUR_SHEET)
