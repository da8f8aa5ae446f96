"""The dataset as files of the site: each table by itself, and all of it in one archive, for re-users without the project.

The files are those of the data folder, byte for byte; the archive carries no times, so that equal data give equal bytes.
Beside them stand the comparisons that may be pooled, as ``ctdild export estimates`` writes them. They are made from the
tables, and no table of the data package: the archive is the package and holds none that it does not describe.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from html import escape
from pathlib import Path

import yaml
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from ..display.figure import Column, Figure, Table, cell
from ..evidence import Evidence
from ..synthesis import estimates

FOLDER = "dataset"  # not "data": Sphinx applies exclude_patterns to static files too
ARCHIVE = "ctd-ild-living-review-data.zip"
#: Beside the tables: the schema, the works cited, how the tables fit together.
OTHERS = {
    "datapackage.json": "types, units, allowed values and keys of every column",
    "references.bib": "the works cited",
    "README.md": "how the tables fit together, and how to edit them without harm",
}


def files(data: Path) -> list[Path]:
    """The files of a data package that re-users need, by name: its tables, its schema and what explains it."""
    tables = [resource["path"] for resource in json.loads((data / "datapackage.json").read_text(encoding="utf-8"))["resources"]]
    return sorted(data / name for name in {*tables, *OTHERS} if (data / name).is_file())


def write(data: Path, evidence: Evidence, target: Path) -> None:
    """Copy the files of a data folder to a folder of the site, make the archive of them, and write the estimates of its evidence."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    with zipfile.ZipFile(target / ARCHIVE, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files(data):
            shutil.copyfile(path, target / path.name)
            entry = zipfile.ZipInfo(f"ctd-ild-living-review-data/{path.name}", date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, path.read_bytes())
    (target / estimates.FILE).write_bytes(estimates.as_csv(evidence).encode())


class DownloadsDirective(SphinxDirective):
    """The list of the files, each a link, with what a row of it is."""

    def run(self):
        evidence = self.env.app.ctdild.evidence
        titles = {table.path: (table.title, len(evidence[name])) for name, table in evidence.schema.items()}
        where = "../" * self.env.docname.count("/") + f"_static/{FOLDER}/"
        items = []
        for path in files(self.env.app.ctdild.root / "data"):
            title, number = titles.get(path.name, (OTHERS.get(path.name, ""), None))
            rows = f", {number} rows" if number is not None else ""
            items.append(f'<li><a href="{where}{escape(path.name)}" download>{escape(path.name)}</a> {escape(title)}{rows}</li>')
        html = (
            f'<p><a class="ctd-download" href="{where}{ARCHIVE}" download>The whole dataset, version {escape(evidence.version)} (zip)</a></p>\n'
            f'<p><a class="ctd-download" href="{where}{estimates.FILE}" download>The estimates that may be pooled ({estimates.FILE})</a></p>\n'
            f'<details class="ctd-files"><summary>File by file</summary>\n<ul>\n{chr(10).join(items)}\n</ul>\n</details>'
        )
        return [nodes.raw("", html, format="html")]


class CiteDatasetDirective(SphinxDirective):
    """How to cite the dataset: authors, title, version, and the address of the site once it has one."""

    def run(self):
        path = self.env.app.ctdild.root / "CITATION.cff"
        self.env.note_dependency(str(path))
        cited = yaml.safe_load(path.read_text(encoding="utf-8"))
        authors = ", ".join(author["name"] for author in cited["authors"])
        version = self.env.app.ctdild.evidence.version
        address = self.config.html_baseurl
        where = f'<a href="{escape(address)}">{escape(address)}</a>' if address else "Add the address where you read it, and the day."
        text = escape(f"{authors}. {cited['title']}. Version {version}. ")
        return [nodes.raw("", f"<blockquote><p>{text}{where}</p></blockquote>", format="html")]


class EstimateColumnsDirective(SphinxDirective):
    """What each column of the estimates holds."""

    def run(self):
        caption = f"The columns of {estimates.FILE}"
        rows = tuple((cell(name), cell(meaning)) for name, meaning in estimates.COLUMNS.items())
        figure = Figure("estimate-columns", caption, caption, Table(caption, (Column("Column"), Column("What it holds")), rows))
        return [nodes.raw("", figure.html(), format="html")]


def _write(app) -> None:
    write(app.ctdild.root / "data", app.ctdild.evidence, Path(app.doctreedir).parent / "ctdild-static" / FOLDER)


def setup(app) -> None:
    app.add_directive("downloads", DownloadsDirective)
    app.add_directive("cite-dataset", CiteDatasetDirective)
    app.add_directive("estimate-columns", EstimateColumnsDirective)
    app.connect("builder-inited", _write)
