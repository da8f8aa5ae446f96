"""One page for each trial, written from the dataset: ``trials/ID.md``, a title and a directive that draws the rest.

The pages are sources that Sphinx reads, so they are written into the tree before it looks (and not tracked by git).
Beside each page stands its trial as JSON, for re-users.
"""

from __future__ import annotations

import json
import re
from html import escape
from pathlib import Path

from docutils import nodes
from sphinx.errors import ExtensionError
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective

from ..display import trial_figures
from ..display.trial import lead
from ..evidence import Evidence, Row
from .problems import BookProblem
from .roles import report

FOLDER = "trials"
_HEAD = "---\nevidence: {{scope: all}}\n---\n\n# {title}\n\n```{{trial}} {trial}\n```\n"


def docnames(evidence: Evidence) -> list[str]:
    """The name of each trial's page, as Sphinx knows it."""
    return [f"{FOLDER}/{trial.trial_id}" for trial in evidence["trials"]]


def write_pages(root: Path, evidence: Evidence) -> list[BookProblem]:
    """Write the source of each trial's page, and remove those of trials that are gone; unchanged files are left alone.

    Only a page that was written here is ever replaced or removed. Any other page in the folder stops the build, because
    the table of contents would publish it with nothing checked: the problems name each, and then nothing is written.
    """
    folder = root / FOLDER
    folder.mkdir(exist_ok=True)
    wanted = {f"{trial.trial_id}.md": _HEAD.format(title=trial.acronym, trial=trial.trial_id) for trial in evidence["trials"]}
    present = {path: path.read_bytes().decode("utf-8", errors="replace") for path in sorted(folder.glob("*.md"))}
    strangers = [path for path, text in present.items() if not _is_written(path, text)]
    if strangers:
        do = ("do", f"move it to chapters/ and name it in _toc.yml, or remove it: {FOLDER}/ is written by each build")
        what = "the page was written or edited by hand in the folder of the trials' pages"
        return [BookProblem(f"{FOLDER}/{path.name}", None, what, (do,)) for path in strangers]
    for path in present:
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        if present.get(folder / name) != text:
            (folder / name).write_text(text, encoding="utf-8")
    return []


def _is_written(path: Path, text: str) -> bool:
    """Whether a page was written here, for this trial or for one that is gone, under whatever title."""
    title = re.search(r"^# (.*)$", text, re.MULTILINE)
    return title is not None and text == _HEAD.format(title=title[1], trial=path.stem)


def trial_json(evidence: Evidence, trial: Row) -> str:
    """All rows of a trial as JSON: printed texts, corrected cells applied, with what was printed beside them."""
    content = {}
    for table, rows in evidence.tables.items():
        own = [row for row in rows if row.get("trial_id") == trial.trial_id]
        if own:
            content[table] = [
                {
                    **{column: text for column, text in row.texts.items() if text},
                    **({"printed": {column: record.printed for column, record in row.corrections.items()}} if row.corrections else {}),
                }
                for row in own
            ]
    used = {row["source_id"] for rows in content.values() for row in rows if "source_id" in row}
    content["sources"] = [{c: t for c, t in row.texts.items() if t} for row in evidence["sources"] if row.source_id in used]
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


class TrialDirective(SphinxDirective):
    """The content of a trial's page."""

    required_arguments = 1

    def run(self):
        book = self.env.app.ctdild
        of_trial = self.env.docname in docnames(book.evidence)
        evidence = book.evidence if of_trial else book.visible(self.env.docname)
        try:
            if evidence is None:
                raise KeyError("the page declares no evidence scope")
            trial = evidence.row(self.arguments[0], "trials")
        except KeyError as error:
            report(self, f"the directive trial: {error.args[0]}")
            return []
        found: list[nodes.Node] = [self._raw(_lead(evidence, trial))]
        for heading, figure in trial_figures(evidence, trial.trial_id):
            section = nodes.section(ids=[nodes.make_id(heading)])
            section += nodes.title("", heading)
            section += self._raw(figure.html())
            found.append(section)
        return found

    def _raw(self, html: str) -> nodes.raw:
        return nodes.raw("", html, format="html")


def _lead(evidence: Evidence, trial: Row) -> str:
    """Title, citation to copy; then always in this order the data, the registry, the report."""
    to_cite, (work, *links) = lead(evidence, trial)
    ways = [f'<a href="../_static/trials/{escape(trial.trial_id)}.json" download>the data of this page as JSON</a>']
    ways += [f'<a href="{escape(link.link)}">{escape(link.text)}</a>' for link in links]
    return (
        f'<p class="ctd-lead">{escape(trial.title)}</p>\n'
        f'<p class="ctd-cite"><span class="ctd-muted">{escape(to_cite)}</span> {escape(work.text)}</p>\n'
        f'<p class="ctd-cite">{", ".join(ways)}</p>'
    )


def _write_json(app) -> None:
    folder = Path(app.doctreedir).parent / "ctdild-static" / "trials"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.json"):
        old.unlink()
    evidence = app.ctdild.evidence
    for trial in evidence["trials"]:
        (folder / f"{trial.trial_id}.json").write_text(trial_json(evidence, trial), encoding="utf-8")


#: Where a link would be inside another one, or would get in the way.
OUTSIDE = (nodes.reference, nodes.title, nodes.literal, nodes.raw, nodes.rubric)


def names_of_trials(evidence: Evidence) -> dict[str, str]:
    """What a text may call a trial -> its id: the acronym, and what it begins with where that means one trial of this evidence only:
    of ``Fan 2022 (Nanjing)`` also ``Fan 2022``, and ``Fan``, the first author of its report."""
    names = {trial.acronym: trial.trial_id for trial in evidence["trials"]}
    return {name: trials.pop() for name, trials in _shortened(evidence).items() if len(trials) == 1} | names


def _shortened(evidence: Evidence) -> dict[str, set[str]]:
    """Short name -> the trials that it may mean."""
    found: dict[str, set[str]] = {}
    for trial in evidence["trials"]:
        study = re.fullmatch(r"((\D+) \d{4})(?: \(.+\))?", trial.acronym)
        author = evidence.bibliography.get(trial.citation or "", {}).get("author", "").partition(",")[0]
        if study and study[2] == author:  # a name of a person, not "Cochrane" or the drug
            for name in study.groups():
                found.setdefault(name, set()).add(trial.trial_id)
    return found


class LinkMentions(SphinxPostTransform):
    """Every mention of a trial in the text links to its page: by its acronym on every page; by the short name of its report
    where the page sees one trial only that it may mean. A list of references is full of other people of these names."""

    default_priority = 200
    builders = ("html",)

    def run(self, **kwargs) -> None:
        book = self.app.ctdild
        trials = {trial.acronym: trial.trial_id for trial in book.evidence["trials"]}
        if not trials or self.env.docname.startswith(f"{FOLDER}/"):
            return
        seen = book.visible(self.env.docname)
        short = names_of_trials(seen) if seen is not None else {}
        short = {name: trial for name, trial in short.items() if name not in trials}
        everywhere, here = _mention(trials), _mention({**short, **trials})
        for text in list(self.document.findall(nodes.Text)):
            around = list(ancestors(text))
            if any(isinstance(node, OUTSIDE) or type(node).__name__ == "dropdown_title" for node in around):
                continue
            cited = any(isinstance(node, nodes.citation) for node in around)
            parts = (everywhere if cited else here).split(text.astext())
            if len(parts) > 1:
                to = {**short, **trials}
                linked = [
                    nodes.reference("", part, refuri=f"trial:{to[part]}", classes=["ctd-trial"]) if i % 2 else nodes.Text(part)
                    for i, part in enumerate(parts)
                    if part
                ]
                text.parent.replace(text, linked)


def _mention(names: dict[str, str]) -> re.Pattern:
    """A name as a word of its own; the longest where one begins with another."""
    longest_first = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    return re.compile(rf"(?<![\w-])({longest_first})(?![\w-])")


def ancestors(node: nodes.Node):
    """The nodes around a node, from the inside out."""
    while node.parent is not None:
        node = node.parent
        yield node


def _add_filters(app, pagename, templatename, context, doctree) -> None:
    if 'id="fig-trial-index' in context.get("body", ""):
        app.add_js_file("trials.js", loading_method="defer")


def _resolve_links(app, pagename, templatename, context, doctree) -> None:
    """``trial:ID`` and ``page:NAME`` become the way from this page to that one. Raises `ExtensionError` for a trial that is not there."""
    if "body" not in context:
        return

    def resolve(match: re.Match) -> str:
        page = f"{FOLDER}/{match[2]}" if match[1] == "trial" else match[2]
        if page not in app.env.found_docs:
            raise ExtensionError(f"{pagename} links to {match[1]} {match[2]!r}, which has no page")
        return f'href="{app.builder.get_relative_uri(pagename, page)}"'

    context["body"] = re.sub(r'href="(trial|page):([a-z0-9/-]+)"', resolve, context["body"])


def setup(app) -> None:
    app.add_post_transform(LinkMentions)
    app.connect("html-page-context", _resolve_links)
    app.connect("html-page-context", _add_filters)
    app.add_directive("trial", TrialDirective)
    app.connect("builder-inited", _write_json)
