"""The rebuild: an edit reaches every place that shows it, a break publishes nothing, and no order of edits leaves a trace.

Slow by nature: each case builds copies of the project.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import random
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import closing, contextmanager
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest
from conftest import copy_project, ctdild, edit_row, read_table, write_table
from jupyter_cache.base import CacheBundleIn

from ctdild.book.build import _from_messages, _log_put_in_place
from ctdild.book.held import COLUMNS
from ctdild.book.pages import Page
from ctdild.book.rebuild import _open_cache, _silent_cell

CHAPTER = Path("chapters/ssc-ild.md")
SLS_1 = "sls-1.all.fvc-pp.w52"

#: The book in short: the rebuild is the same for one chapter as for fourteen, and a build takes a third of the time.
SHORT_TOC = """format: jb-book
root: index
chapters:
  - file: chapters/ssc-ild
  - file: chapters/trials
    sections:
      - glob: trials/*
  - file: chapters/methods
  - file: chapters/glossary
  - file: chapters/references
"""


def tree(site: Path) -> dict[str, str]:
    """Hash of every file of a site."""
    return {p.relative_to(site).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(site.rglob("*")) if p.is_file()}


class Refs(HTMLParser):
    """The text inside each element that carries a data-ref, and what kind of element it is."""

    VOID = frozenset(["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"])

    def __init__(self, html: str):
        super().__init__()
        self.open: list[tuple[str, str | None]] = []
        self.texts: dict[str, list[tuple[str, str]]] = {}
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        if tag in self.VOID:
            return
        ref = dict(attributes).get("data-ref")
        self.open.append((tag, ref))
        if ref:
            self.texts.setdefault(ref, []).append((tag, ""))

    def handle_endtag(self, tag):
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        for _, ref in self.open:
            if ref:
                tag, text = self.texts[ref][-1]
                self.texts[ref][-1] = (tag, text + data)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of the project, built once; tests restore what they change."""
    copy = copy_project(tmp_path_factory.mktemp("rebuild") / "book")
    (copy / "_toc.yml").write_text(SHORT_TOC)
    pages = [copy / "index.md", *(copy / f"{name}.md" for name in re.findall(r"chapters/[\w-]+", SHORT_TOC))]
    labels = {label for page in pages for label in re.findall(r"^\(([\w-]+)\)=$", page.read_text(), re.MULTILINE)}
    link = re.compile(r"\[([^\]]*)\]\(((?:chapters/)?[\w-]+(?:\.md)?)\)")
    for page in pages:  # links to chapters that are left out become plain words
        there = {*labels, *(Path(os.path.relpath(other, page.parent)).as_posix() for other in pages)}
        page.write_text(link.sub(lambda m, there=there: m[0] if m[2] in there else m[1], page.read_text()))
    result = ctdild(copy, "build")
    assert result.returncode == 0, result.stderr
    return copy


@pytest.fixture
def restored(project):
    """The built copy, with its sources put back afterwards."""
    saved = project.parent / "saved"
    shutil.rmtree(saved, ignore_errors=True)
    names = ["data", "chapters", "trials", "src", "index.md", "_config.yml", "_toc.yml"]
    saved.mkdir()
    for name in names:
        source = project / name
        shutil.copytree(source, saved / name) if source.is_dir() else shutil.copy2(source, saved / name)
    yield project
    for name in names:
        target = project / name
        shutil.rmtree(target) if target.is_dir() else target.unlink()
        shutil.copytree(saved / name, target) if (saved / name).is_dir() else shutil.copy2(saved / name, target)


def test_a_consistent_edit_reaches_every_place_that_shows_the_row(restored):
    edit_row(restored / "data/contrasts.csv", SLS_1, estimate="2.63", ci_low="0.38", ci_high="4.89")
    before = Refs((restored / "_build/html/chapters/ssc-ild.html").read_text(encoding="utf-8")).texts[SLS_1]
    result = ctdild(restored, "build")
    assert result.returncode == 0, result.stderr
    page = (restored / "_build/html/chapters/ssc-ild.html").read_text(encoding="utf-8")
    after = Refs(page).texts[SLS_1]
    assert len(after) == len(before) and {tag for tag, _ in after} >= {"span", "text"}
    shown = [text for _, text in before if "2.53" in text]
    assert len(shown) >= 3, "in prose, in a table and in the chart's data table"
    assert len([text for _, text in after if "2.63" in text]) == len(shown)
    for old in ("2.53", "0.28", "4.79"):
        assert not [text for _, text in after if old in text]
    said = re.findall(r'<p id="fig-[\w-]+-alt" hidden>(.*?)</p>', page)
    assert any("2.63" in one for one in said) and not any("2.53" in one for one in said), "what the chart says in words follows"
    assert "2.63" in page and "2.53 (" not in page
    assert re.search(r"ssc-ild\.md\s+ran", result.stdout)
    assert re.search(r"ssc-ild\.md\s+unchanged", ctdild(restored, "build").stdout), "built again: nothing to run"


def test_an_edit_outside_its_scope_does_not_run_a_chapter(restored):
    iim = next(r["result_id"] for r in read_table(restored / "data/arm_results.csv") if r["cohort"] == "iim")
    edit_row(restored / "data/arm_results.csv", iim, note="another note")
    result = ctdild(restored, "build")
    assert result.returncode == 0, result.stderr
    assert re.search(r"ssc-ild\.md\s+unchanged", result.stdout)
    assert re.search(r"index\.md\s+ran", result.stdout)


def broken_cell(root):
    text = (root / CHAPTER).read_text()
    cell = "from ctdild import timeline\ntimeline(ssc)"
    assert cell in text
    (root / CHAPTER).write_text(text.replace(cell, 'from ctdild import forest\nforest(ssc, "nonsense")'))


def append(text):
    def edit(root):
        path = root / CHAPTER
        path.write_text(path.read_text() + "\n" + text + "\n")

    return edit


def broken_claim(root):
    edit_row(root / "data/contrasts.csv", SLS_1, estimate="0.53", ci_low="-1.73", ci_high="2.79")


def broken_key(root):
    edit_row(root / "data/contrasts.csv", SLS_1, source_id="nowhere")


def unnamed_page(root):
    (root / "chapters/more").mkdir()
    (root / "chapters/more/x.md").write_text("# More\n\nIt was 41 mL a year.\n")
    (root / "_toc.yml").write_text((root / "_toc.yml").read_text() + "  - glob: chapters/more/*\n")


def hand_written(root):
    (root / "trials/senscis.md").write_text("# SENSCIS\n\nIt was 41 mL a year.\n")


def no_folder(root):
    shutil.rmtree(root / "trials")
    (root / "trials").write_text("")


def scope_escape(root):
    path = root / CHAPTER
    path.write_text(path.read_text().replace('scope("ssc-ild")', 'scope("all")'))


@pytest.mark.parametrize(
    ("break_it", "named"),
    [
        (broken_cell, ["ssc-ild.md:", "a cell failed", "error      no row 'nonsense' in scope ssc-ild"]),
        (append("```{trial} senscus\n```"), ["ssc-ild.md:", "no row 'senscus'", "close: senscis"]),
        (append("```{trial} recital.ssc\n```"), ["ssc-ild.md:", "'recital.ssc' is a row of cohorts, not of trials"]),
        (append("```{trial} inpulsis-1\n```"), ["ssc-ild.md:", "no row 'inpulsis-1' in scope ssc-ild"]),
        (hand_written, ["trials/senscis.md ", "by hand"]),
        (no_folder, ["trials  cannot be read or written: File exists"]),
        (append("{ev}`senscis.all.fvc-rate.w53`"), ["ssc-ild.md:", "senscis.all.fvc-rate.w53"]),
        (append("[nowhere](nowhere.md)"), ["ssc-ild.md:", "nowhere"]),
        (append("{ref}`nowhere-at-all`"), ["ssc-ild.md:", "nowhere-at-all"]),
        (append("{cite:p}`nobody1900`"), ["ssc-ild.md:", "nobody1900"]),
        (append("{nonsense}`x`"), ["ssc-ild.md:", "nonsense"]),
        (append(":::{claim} senscis.all.fvc-rate.w52 favours placebo\nPlacebo won.\n:::"), ["ssc-ild.md:", "Placebo won."]),
        (append("It was 41 mL a year."), ["ssc-ild.md:", "a figure is typed"]),
        (broken_claim, ["ssc-ild.md:", "no longer support", SLS_1, "0.53 (interval -1.73 to 2.79)"]),
        (broken_key, ["contrasts.csv:", "source_id", "nowhere"]),
        (scope_escape, ["ssc-ild.md:", "declares evidence scope"]),
        (unnamed_page, ["chapters/more/x.md", "not named in _toc.yml"]),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_break_publishes_nothing(restored, break_it, named):
    before = tree(restored / "_build/html")
    break_it(restored)
    result = ctdild(restored, "build")
    assert result.returncode == 1
    for part in named:
        assert part in result.stderr, result.stderr
    assert "Traceback" not in result.stderr
    assert "last good site is untouched" in result.stderr
    assert tree(restored / "_build/html") == before


def test_an_edit_in_the_middle_of_a_build_is_not_published(restored):
    """A cell stands for the editor: it changes the data after they were checked."""
    before = tree(restored / "_build/html")
    path = restored / "data/sources.csv"
    text = path.read_text()
    rows = read_table(path)
    rows[0]["note"] = "edited late"
    write_table(path, rows)
    edited = path.read_text()
    path.write_text(text)
    package = restored / "src/ctdild/__init__.py"
    asked = "    declared = os.environ.get(SCOPE_VARIABLE)\n"
    late = f"    if declared: __import__('pathlib').Path({str(path)!r}).write_text({edited!r})\n"
    assert package.read_text().count(asked) == 1
    package.write_text(package.read_text().replace(asked, asked + late))
    result = ctdild(restored, "build")
    assert result.returncode == 1 and "edited while the book was being built" in result.stderr, result.stderr
    assert tree(restored / "_build/html") == before


def test_a_false_claim_can_be_held_back_and_returns_when_true(restored):
    sources = read_table(restored / "data/contrasts.csv")
    broken_claim(restored)
    with (restored / "_build/.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "another build" in ctdild(restored, "build").stderr
    assert ctdild(restored, "build").returncode == 1
    chapter, good = (restored / CHAPTER).read_text(), tree(restored / "_build/html")
    append("{nonsense}`x`")(restored)
    assert "nonsense" in ctdild(restored, "build", "--hold-claims").stderr
    assert not (restored / "chapters/held-claims.csv").exists(), "nothing is held for a site that was not built"
    assert tree(restored / "_build/html") == good
    (restored / CHAPTER).write_text(chapter)
    result = ctdild(restored, "build", "--hold-claims")
    assert result.returncode == 0, result.stderr
    held = read_table(restored / "chapters/held-claims.csv")
    assert held and all(row["held_on"] and row["sentence"] and row["condition"] and row["value"] for row in held)
    page = (restored / "_build/html/chapters/ssc-ild.html").read_text()
    assert page.count("Under revision: the data changed on ") == len([row for row in held if row["page"] == str(CHAPTER)])
    assert ctdild(restored, "check").returncode == 0, "a held sentence is an editor's decision: the gate lets it pass"
    before = tree(restored / "_build/html")
    assert ctdild(restored, "build").returncode == 0
    assert tree(restored / "_build/html") == before
    write_table(restored / "data/contrasts.csv", sources)
    mended = ctdild(restored, "check")
    assert mended.returncode == 1 and "true again" in mended.stdout, "a held row is no permission for the next time"
    assert ctdild(restored, "build", "--hold-claims").returncode == 0
    assert not (restored / "chapters/held-claims.csv").exists()
    assert "Under revision" not in (restored / "_build/html/chapters/ssc-ild.html").read_text()


@pytest.mark.parametrize("stop", [KeyboardInterrupt, OSError])
@pytest.mark.parametrize("before", [None, "as it was\n"])
def test_the_log_of_held_sentences_changes_only_with_the_site(tmp_path, before, stop):
    (tmp_path / "chapters").mkdir()
    log = tmp_path / "chapters/held-claims.csv"
    if before:
        log.write_text(before)
    rows = [dict.fromkeys(COLUMNS, "x")]
    with pytest.raises(stop), _log_put_in_place(tmp_path, rows):
        raise stop
    assert (log.read_text() if log.exists() else None) == before
    with _log_put_in_place(tmp_path, rows):
        assert (log.read_text() if log.exists() else None) == before
    assert read_table(log) == rows
    with _log_put_in_place(tmp_path, []):
        pass
    assert not list((tmp_path / "chapters").iterdir())


def truncated(cache):
    index = cache / "global.db"
    index.write_bytes(index.read_bytes()[: index.stat().st_size // 2])


def bad_where_nobody_looks(cache):
    """In the table of projects, which looking up a notebook does not touch."""
    index = cache / "global.db"
    with closing(sqlite3.connect(index)) as database:
        (page,) = database.execute("select rootpage from sqlite_master where name = 'nbproject'").fetchone()
        (size,) = database.execute("pragma page_size").fetchone()
    content = index.read_bytes()
    index.write_bytes(content[: (page - 1) * size] + b"\xff" * size + content[page * size :])


def cut_notebook(cache):
    (path,) = cache.glob("executed/*/base.ipynb")
    path.write_text(path.read_text()[:100])


def other_notebook(cache):
    (path,) = cache.glob("executed/*/base.ipynb")
    path.write_text(path.read_text().replace("1 + 1", "1 + 2"))


@pytest.mark.parametrize(
    "damage",
    [
        truncated,
        bad_where_nobody_looks,
        cut_notebook,
        other_notebook,
        lambda cache: (cache / "global.db").write_bytes(b""),
        lambda cache: (cache / "global.db").write_bytes(b"nonsense" * 999),
        lambda cache: next(cache.glob("executed/*/base.ipynb")).unlink(),
        lambda cache: (shutil.rmtree(cache), cache.write_text("a file in the place of the folder")),
    ],
    ids=lambda damage: damage.__name__,
)
def test_any_damage_of_the_cache_is_seen_and_heals(tmp_path, capsys, damage):
    folder = tmp_path / "cache"
    page = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 + 1")])
    other = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("2 + 2")])
    cache, found = _open_cache(folder, [page])
    assert found == [False] and not capsys.readouterr().out
    cache.cache_notebook_bundle(CacheBundleIn(page, "page.md"), check_validity=False)
    assert _open_cache(folder, [page, other])[1] == [True, False] and not capsys.readouterr().out
    damage(folder)
    cache, found = _open_cache(folder, [page, other])
    assert found == [False, False] and capsys.readouterr().out.count("the cache of the outputs is damaged") == 1
    cache.cache_notebook_bundle(CacheBundleIn(page, "page.md"), check_validity=False)
    assert _open_cache(folder, [page, other])[1] == [True, False] and not capsys.readouterr().out


def test_a_damaged_cache_gives_the_same_site(restored):
    assert ctdild(restored, "build").returncode == 0
    before = tree(restored / "_build/html")
    truncated(restored / "_build/.jupyter_cache")
    result = ctdild(restored, "build")
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("the cache of the outputs is damaged") == 1
    assert tree(restored / "_build/html") == before
    again = ctdild(restored, "build")
    assert "damaged" not in again.stdout and re.search(r"ssc-ild\.md\s+unchanged", again.stdout), "it is whole again"


def test_what_sphinx_says_is_told_without_the_frames_of_its_code(tmp_path):
    said = f"""{tmp_path}/chapters/x.md:7: WARNING: no such thing
WARNING: could not open a file
[IPKernelApp] WARNING | of no interest
"""
    assert [str(p) for p in _from_messages(tmp_path, said)] == ["chapters/x.md:7  no such thing", "the book  could not open a file"]
    crash = """
Traceback (most recent call last):
  File "/x/y.py", line 7, in f
    g()
    ^^^
  File "/x/z.py", line 1, in g
    raise OSError
OSError: no room
The full traceback has been saved in x.log
"""
    (problem,) = _from_messages(tmp_path, crash)
    assert problem.what == "Sphinx failed" and [text for name, text in problem.details if not name] == ["OSError: no room"]


def test_serving_survives_a_broken_edit_and_follows_the_next(restored):
    good = (restored / CHAPTER).read_text()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with serving(restored, port) as heard:
        address = f"http://127.0.0.1:{port}/chapters/ssc-ild.html"
        heard("Open http")
        first = fetch(address)
        (restored / CHAPTER).write_text(good.replace("evidence: {scope: ssc-ild}", "evidence: {scope: ssc-ild"))
        assert "not readable as YAML" in heard("not rebuilt")
        assert fetch(address) == first
        (restored / CHAPTER).write_text(good.replace("## Takeaways", "## What to take away"))
        heard("rebuilt")
        assert "What to take away" in fetch(address)


def fetch(address: str) -> str:
    for _ in range(100):  # the server listens a moment after it said so
        try:
            with urllib.request.urlopen(address) as answer:
                return answer.read().decode()
        except urllib.error.URLError:
            time.sleep(0.1)
    raise AssertionError(f"nothing is served at {address}")


@contextmanager
def serving(project: Path, port: int):
    """Serve a copy; gives a function that waits until something is said, and returns all that was said up to there."""
    said = project.parent / "said.txt"
    heard_up_to = 0

    def heard(words: str) -> str:
        nonlocal heard_up_to
        for _ in range(1200):
            text = said.read_text()[heard_up_to:]
            line = next((line for line in text.splitlines() if line.startswith(words)), None)
            if line is not None:
                heard_up_to += text.index(line) + len(line)
                return text
            assert server.poll() is None, text
            time.sleep(0.1)
        raise AssertionError(f"never said {words!r}: {text}")

    command = [sys.executable, "-u", "-m", "ctdild", "--project", str(project), "serve", "--port", str(port)]
    environment = {**os.environ, "PYTHONPATH": str(project / "src")}
    with said.open("w") as out, subprocess.Popen(command, cwd=project, env=environment, stdout=out, stderr=subprocess.STDOUT) as server:
        try:
            yield heard
        finally:
            server.terminate()


def test_ten_random_edits_leave_the_bytes_of_a_clean_build(restored, tmp_path):
    choose = random.Random(20261124)
    chapter = restored / CHAPTER

    def note(table):
        rows = read_table(restored / f"data/{table}.csv")
        choose.choice(rows)["note"] = f"edited {choose.random():.6f}"
        write_table(restored / f"data/{table}.csv", rows)

    def figure():
        shift = choose.randint(1, 9) / 100
        edit_row(
            restored / "data/contrasts.csv",
            SLS_1,
            estimate=f"{2.53 + shift:.2f}",
            ci_low=f"{0.28 + shift:.2f}",
            ci_high=f"{4.79 + shift:.2f}",
        )

    def prose():
        chapter.write_text(chapter.read_text() + f"\nA sentence more, number {'abcdefghij'[choose.randint(0, 9)]}.\n")

    def title():
        chapter.write_text(re.sub(r"(?m)^# .*$", f"# Title {'abcdefghij'[choose.randint(0, 9)]}", chapter.read_text(), count=1))

    def cell():
        chapter.write_text(chapter.read_text() + "\n```{code-cell}\n:tags: [remove-input]\ntimeline(ssc)\n```\n")

    def bibliography():
        path = restored / "data/references.bib"
        path.write_text(re.sub(r"year={(\d{4})}", lambda m: f"year={{{choose.randint(2001, 2025)}}}", path.read_text(), count=1))

    def code():
        path = restored / "src/ctdild/display/text.py"
        path.write_text(path.read_text() + f"\n# {choose.random():.6f}\n")

    def toc():
        path = restored / "_toc.yml"
        lines = path.read_text().rstrip("\n").split("\n")
        lines.append(lines.pop(7))
        path.write_text("\n".join(lines) + "\n")

    edits = [figure, prose, title, cell, bibliography, code, toc, lambda: note("arm_results"), lambda: note("sources"), figure]
    choose.shuffle(edits)
    for number, edit in enumerate(edits):
        edit()
        if number in (0, 4, 7, 9):
            result = ctdild(restored, "build")
            assert result.returncode == 0, result.stderr
    clean = copy_project_from(restored, tmp_path / "clean")
    result = ctdild(clean, "build")
    assert result.returncode == 0, result.stderr
    assert tree(restored / "_build/html") == tree(clean / "_build/html")
    # leave the copy as the other tests expect it
    shutil.rmtree(restored / "_build/html")
    shutil.move(clean / "_build/html", restored / "_build/html")


def copy_project_from(project: Path, target: Path) -> Path:
    return Path(shutil.copytree(project, target, ignore=shutil.ignore_patterns("_build", "__pycache__")))


def test_jupyter_book_alone_writes_the_same_pages(restored, tmp_path):
    assert ctdild(restored, "build").returncode == 0
    bare = copy_project_from(restored, tmp_path / "bare")
    environment = {**os.environ, "PYTHONPATH": str(bare / "src")}
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build", "."]
    for _ in range(2):
        run = subprocess.run(command, cwd=bare, env=environment, capture_output=True, text=True)
        assert run.returncode == 0, run.stdout + run.stderr
    ours, theirs = tree(restored / "_build/html"), tree(bare / "_build/html")
    pages = [name for name in ours if name.endswith(".html")]
    assert pages and {name: ours[name] for name in pages} == {name: theirs.get(name) for name in pages}


@pytest.mark.parametrize(
    ("outputs", "count", "there"),
    [
        ([], 1, "nothing"),
        ([("stream", "41 mL")], 1, "stream"),
        ([("execute_result", None), ("stream", "a warning")], 1, "execute_result, stream"),
        ([("execute_result", None)], None, "execute_result"),
        ([("execute_result", None)], 1, None),
    ],
)
def test_a_cell_that_shows_nothing_or_something_beside_stops_the_build(outputs, count, there):
    """A warning or a print would stand on the page; a cell that was not run would leave a hole."""
    made = [
        nbformat.v4.new_output(kind, **({"name": "stderr", "text": text} if kind == "stream" else {"data": {"text/plain": "x"}}))
        for kind, text in outputs
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("forest(ssc)", execution_count=count, outputs=made)])
    page = Page(Path(), "chapters/x.md", "# Title\n\n```{code-cell}\nforest(ssc)\n```\n")
    problem = _silent_cell(page, notebook)
    assert (problem and dict(problem.details)["there"]) == there
    assert problem is None or problem.line == 4
