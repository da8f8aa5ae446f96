"""Ring five: the built site in a real browser, as readers meet it."""

from __future__ import annotations

import functools
import http.server
import re
import threading
import zipfile
from html import escape
from html.parser import HTMLParser

import pytest
from browser import find
from conftest import ctdild
from playwright.sync_api import sync_playwright

from ctdild.book.pages import read_pages
from ctdild.claims import addresses
from ctdild.evidence import load
from ctdild.synthesis import estimates

PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 900}
CHAPTER = "chapters/ssc-ild.html"


@pytest.fixture(scope="session")
def site(root):
    """The built site; `make test` builds it first."""
    folder = root / "_build" / "html"
    assert (folder / "index.html").exists(), "no site: run make book, or make test, which does it"
    return folder


@pytest.fixture(scope="session")
def pages(site):
    names = sorted(p.relative_to(site).as_posix() for p in site.rglob("*.html") if "_static" not in p.parts)
    assert "index.html" in names and CHAPTER in names
    return names


@pytest.fixture(scope="session")
def sample(site, pages):
    """Every page but the trials' ones, which are one template, and of those the longest, the shortest and a few."""
    trials = sorted((name for name in pages if name.startswith("trials/")), key=lambda name: (site / name).stat().st_size)
    return [name for name in pages if name not in trials] + [trials[0], trials[len(trials) // 2], *trials[-3:]]


@pytest.fixture(scope="session")
def address(site):
    """The site served on loopback."""
    handler = functools.partial(
        type("Quiet", (http.server.SimpleHTTPRequestHandler,), {"log_message": lambda *a: None}), directory=str(site)
    )
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


@pytest.fixture(scope="session")
def browser():
    path = find()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        yield browser
        browser.close()


@pytest.fixture
def visit(browser, address):
    """Open a page; every request and console message is recorded on it."""
    contexts = []

    def open_page(name, viewport=DESKTOP, **options):
        context = browser.new_context(viewport=viewport, **options)
        contexts.append(context)
        page = context.new_page()
        page.requests_made, page.messages = [], []
        page.on("request", lambda request: page.requests_made.append(request.url))
        page.on("console", lambda message: page.messages.append((message.type, message.text)))
        page.on("pageerror", lambda error: page.messages.append(("error", str(error))))
        response = page.goto(name if "://" in name else address + name, wait_until="load")
        assert response is None or response.ok
        return page

    yield open_page
    for context in contexts:
        context.close()


def test_no_request_leaves_the_site_and_the_console_is_quiet(visit, sample, address):
    for name in sample:
        page = visit(name)
        page.wait_for_timeout(150)
        outside = [url for url in page.requests_made if not url.startswith((address, "data:"))]
        assert not outside, (name, outside)
        errors = [text for kind, text in page.messages if kind == "error"]
        assert not errors, (name, errors)


def test_charts_and_tables_are_visible(visit):
    page = visit(CHAPTER)
    figures = page.locator("figure.ctd-figure")
    assert figures.count() >= 6
    for index in range(figures.count()):
        figure = figures.nth(index)
        assert figure.is_visible()
        drawn = figure.locator("svg:visible")
        if figure.locator("svg").count():
            box = drawn.first.bounding_box()
            assert drawn.count() == 1 and box["width"] > 300 and box["height"] > 80
            label = page.locator(f"#{drawn.first.get_attribute('aria-labelledby')}")
            assert len(label.text_content()) > 50 and not label.is_visible()
            assert page.get_by_role("img", name=label.text_content(), exact=True).count() == 1
        elif figure.locator("details.ctd-fold").count():
            assert figure.locator("details.ctd-fold > summary").is_visible()
        else:
            assert figure.locator("table").first.is_visible()


def test_every_figure_in_a_sentence_is_there_and_leads_to_its_source(visit, evidence):
    """What a drug acts on is no figure: the table of treatments names no sources."""
    page = visit(CHAPTER)
    figures = page.locator("span.ev")
    assert figures.count() > 20
    texts = figures.evaluate_all("es => es.map(e => [e.dataset.ref, e.textContent.trim(), !!e.querySelector('a[href]')])")
    drugs = {row.id for row in evidence["treatments"]}
    assert not [ref for ref, text, linked in texts if not ref or len(text) < 2 or not (linked or ref in drugs)]
    hrefs = page.locator("span.ev a.ev-figure").evaluate_all("es => es.map(e => e.getAttribute('href'))")
    hosts = {re.sub(r"^https://([^/]+)/.*$", r"\1", h) for h in hrefs if h.startswith("http")}
    assert hosts <= {
        "doi.org",
        "pubmed.ncbi.nlm.nih.gov",
        "clinicaltrials.gov",
        "pmc.ncbi.nlm.nih.gov",
        "www.ema.europa.eu",
        "www.accessdata.fda.gov",
    }, hosts


def test_a_chapter_lists_the_source_of_every_figure_on_it_and_no_other(root, site, evidence):
    """Whatever shows a row, its source is in the list at the end; and the list names nothing that the page neither shows nor, by the
    conditions of its sentences, tells."""
    listed = 0
    cells = [(one.row_id, one.source_id) for one in evidence["cell_sources"]]
    told = {}
    for page in read_pages(root):
        rows = {a for claim in page.claims for a in addresses(claim.condition) if a in evidence}
        told[page.name] = {evidence.row(a).get("source_id") for a in rows} | {source for row, source in cells if row in rows}
    for path in sorted((site / "chapters").glob("*.html")):
        html = path.read_text(encoding="utf-8")
        head, _, tail = html.partition('id="fig-sources-table')
        anchors = set(re.findall(r'id="source-([^"]+)"', tail))
        shown = {evidence.row(ref) for ref in re.findall(r'data-ref="([^"]+)"', head) if ref in evidence}
        of_rows = {row.source_id for row in shown if "source_id" in row and row.table != "sources"}
        if not tail:  # the index of the studies leads to the page of each, where its sources are
            assert not of_rows or path.stem == "trials", path.name
            continue
        listed += 1
        assert of_rows <= anchors, (path.name, of_rows - anchors)
        in_cells = {one.source_id for one in evidence["cell_sources"] if one.row_id in {row.id for row in shown}}
        named = set(re.findall(r'(?:href="#source-|data-source=")([^"]+)"', head))
        named |= told[f"chapters/{path.stem}.md"]
        assert anchors <= of_rows | in_cells | named, (path.name, anchors - of_rows - in_cells - named)
    assert listed >= 12


def test_links_inside_the_site_lead_somewhere(site, pages):
    class Links(HTMLParser):
        def __init__(self, text):
            super().__init__()
            self.hrefs, self.ids = [], set()
            self.feed(text)

        def handle_starttag(self, tag, attributes):
            attributes = dict(attributes)
            if "id" in attributes:
                self.ids.add(attributes["id"])
            if tag == "a" and attributes.get("href"):
                self.hrefs.append(attributes["href"])

    read = {name: Links((site / name).read_text(encoding="utf-8")) for name in pages}
    for name, links in read.items():
        for href in links.hrefs:
            if re.match(r"[a-z]+:", href):
                continue
            target, _, anchor = href.partition("#")
            path = (site / name).parent / target if target else site / name
            resolved = path.resolve()
            assert resolved.exists(), (name, href)
            other = resolved.relative_to(site.resolve()).as_posix()
            if anchor and other in read:
                assert anchor in read[other].ids, (name, href)


def test_ids_are_unique_on_a_page(visit, sample):
    for name in sample:
        page = visit(name)
        doubled = page.evaluate(
            "() => { const ids = [...document.querySelectorAll('[id]')].map(e => e.id); return ids.filter((x, i) => ids.indexOf(x) != i) }"
        )
        assert not doubled, (name, doubled)


def test_the_chapter_reads_whole_without_javascript_and_network(visit, site):
    page = visit((site / CHAPTER).as_uri(), java_script_enabled=False, offline=True)
    assert page.locator("article h1").first.is_visible()
    figures = page.locator("figure.ctd-figure")
    assert figures.count() >= 6 and all(figures.nth(i).is_visible() for i in range(figures.count()))
    assert page.locator("figure.ctd-figure svg:visible").count() >= 3
    assert page.locator("article details").first.is_visible()
    page.locator("details.ctd-data summary").first.click()
    assert page.locator("details.ctd-data table").first.is_visible(), "details open without a script"
    assert all(url.startswith(("file:", "data:")) for url in page.requests_made)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("script", [True, False])
def test_colours_follow_the_reader(visit, scheme, script):
    page = visit(CHAPTER, color_scheme=scheme, java_script_enabled=script)
    layers = page.evaluate("() => [document.body, document.documentElement].map(e => getComputedStyle(e).backgroundColor)")
    # a transparent page is the browser's white
    background = next((colour for colour in layers if colour != "rgba(0, 0, 0, 0)"), "rgb(255, 255, 255)")
    lightness = sum(int(v) for v in re.findall(r"\d+", background)[:3]) / 3
    assert (lightness < 90) == (scheme == "dark"), background


def test_nothing_is_wider_than_a_phone(visit, sample):
    for name in sample:
        page = visit(name, PHONE)
        width = page.evaluate("() => document.documentElement.scrollWidth")
        assert width <= PHONE["width"], (name, width)


def test_no_label_of_a_drawing_is_cut_off(visit, sample):
    """A few pixels reach into the margin, which a drawing does not cut."""
    for name in sample:
        for viewport in (DESKTOP, PHONE):
            cut = visit(name, viewport).evaluate(
                """() => [...document.querySelectorAll(".ctd-chart svg text")].filter(label => {
                  const frame = label.ownerSVGElement.getBoundingClientRect(), box = label.getBoundingClientRect();
                  return frame.width && box.width && (box.left < frame.left - 4 || box.right > frame.right + 4
                    || box.top < frame.top - 4 || box.bottom > frame.bottom + 4);
                }).map(label => label.textContent)"""
            )
            assert not cut, (name, viewport["width"], cut)


def test_a_table_goes_over_the_end_of_a_sheet_and_a_drawing_does_not(visit):
    page = visit("chapters/outcomes.html")
    page.emulate_media(media="print")
    broken = page.evaluate(
        """() => [".ctd-table", ".ctd-chart", ".ctd-figure figcaption", ".sd-dropdown"].map(
          name => getComputedStyle(document.querySelector(name)).breakInside)"""
    )
    assert broken == ["auto", "avoid", "avoid", "avoid"]
    scrolls = (
        "() => [...document.querySelectorAll('.cell_output .output, pre')].filter(e => getComputedStyle(e).overflowX === 'auto').length"
    )
    assert page.evaluate(scrolls) == 0, "what scrolls on a screen would be cut off on paper"


def test_references_keep_the_capitals_of_their_titles(site):
    page = (site / "chapters/references.html").read_text(encoding="utf-8")
    assert "CAR T-cell" in page and "ERS/EULAR" in page and "SENSCIS-ON" in page
    assert "ctd-term" not in page, "a title is no place for a link to the glossary"


def test_the_first_screen_of_a_chapter_shows_the_answer(visit):
    page = visit(CHAPTER, PHONE)
    box = page.locator("figure.ctd-figure").first.bounding_box()
    assert box["y"] < PHONE["height"] * 0.6, "the answer table begins on the first screen of a phone"


@pytest.mark.parametrize("part", range(4))  # the slowest test of all, in parts that run beside each other
def test_no_serious_accessibility_violation(visit, sample, part):
    from axe_playwright_python.sync_playwright import Axe

    axe = Axe()
    for name in sample[part::4]:
        for viewport in (DESKTOP, PHONE):
            results = axe.run(visit(name, viewport)).response["violations"]
            serious = [(v["id"], [n["html"][:120] for n in v["nodes"][:3]]) for v in results if v["impact"] in ("serious", "critical")]
            assert not serious, (name, viewport["width"], serious)


def test_the_trial_index_can_be_searched_filtered_and_sorted(visit, evidence):
    page = visit("chapters/trials.html")
    rows = page.locator("figure[id^=fig-trial-index] tbody tr:visible")
    every = rows.count()
    names = rows.locator("th a").all_inner_texts()
    search = page.locator(".ctd-filters input[type=search]")
    search.fill("senscis")
    assert rows.count() == 1 and "1 of" in page.locator(".ctd-filters [role=status]").inner_text()
    search.fill("")
    page.locator(".ctd-filters").get_by_label("Class").select_option("antifibrotic")
    assert 0 < rows.count() < every and "SENSCIS" in rows.locator("th a").all_inner_texts()
    page.locator(".ctd-filters").get_by_label("Class").select_option("")
    page.locator(".ctd-filters").get_by_label("Order").select_option("oldest first")
    assert rows.count() == every and rows.locator("th a").all_inner_texts() != names
    assert page.locator("figure[id^=fig-trial-index] caption").inner_text().endswith("oldest first.")
    # A status gives all studies of it, whatever year a registry names; a drug with a comma in its name is one drug.
    page.locator(".ctd-filters").get_by_label("Status").select_option("recruiting")
    under_way = [row.status for row in evidence["trials"]].count("recruiting")
    assert rows.count() == under_way > 5
    page.locator(".ctd-filters").get_by_label("Status").select_option("")
    page.locator(".ctd-filters").get_by_label("Drug or procedure").select_option("Treprostinil, inhaled")
    assert rows.locator("th a").all_inner_texts() == ["TETON-PPF"]
    page.locator(".ctd-filters").get_by_label("Drug or procedure").select_option("")
    page.locator(".ctd-filters").get_by_label("Background").select_option("immunosuppressant in both arms")
    found = rows.locator("th a").all_inner_texts()
    assert "SLS III" in found and "INBUILD" not in found


def test_a_mention_of_a_trial_leads_to_its_page(visit):
    page = visit(CHAPTER)
    page.locator("article a.ctd-trial", has_text="SENSCIS").first.click()
    assert page.url.endswith("trials/senscis.html") and page.locator("article h1").inner_text().startswith("SENSCIS")
    assert "41.0 mL/year" in page.locator("article").inner_text()


def test_a_study_named_by_its_first_author_is_linked_where_one_only_can_be_meant(site):
    ra, cited = ((site / f"chapters/{name}.html").read_text(encoding="utf-8") for name in ("ra-ild", "references"))
    for name, trial in (("Md Yusof", "md-yusof-2017"), ("Kiely", "kiely-2019")):
        assert re.search(rf'<a class="ctd-trial[^"]*" href="\.\./trials/{trial}\.html">{name}</a>', ra), name
    assert not re.search(r"ctd-trial[^>]*>(Chen|Fan|Wu|Li)</a>", cited), "another person of that name"


def test_the_data_can_be_downloaded_as_they_are(root, site):
    page = (site / "chapters/data.html").read_text(encoding="utf-8")
    folder = site / "_static" / "dataset"
    with zipfile.ZipFile(next(folder.glob("*.zip"))) as archive:
        packed = {name.rpartition("/")[2]: archive.read(name) for name in archive.namelist()}
    for path in [*(root / "data").glob("*.csv"), root / "data/datapackage.json", root / "data/references.bib"]:
        assert f'href="../_static/dataset/{path.name}"' in page
        assert (folder / path.name).read_bytes() == path.read_bytes() == packed[path.name]


def test_the_dataset_is_cited_with_its_version_and_no_line_of_code_is_cut(root, site, visit):
    version = load(root / "data").version
    page = (site / "chapters/data.html").read_text(encoding="utf-8")
    cited = re.search(r"<blockquote>(.*?)</blockquote>", page, re.DOTALL)[1]
    assert "CTD-ILD Living Review contributors. CTD-ILD living review" in cited and f"Version {version}. " in cited
    page = visit("chapters/data.html", {"width": 390, "height": 844})
    assert page.locator("article pre").count() > 4
    cut = page.evaluate("() => [...document.querySelectorAll('article pre')].filter(e => e.scrollWidth > e.clientWidth + 1).length")
    assert not cut
    page.emulate_media(media="print")
    assert page.locator(".ctd-files li").last.evaluate(
        "e => e.checkVisibility({contentVisibilityAuto: true}) && e.getBoundingClientRect().height > 0"
    )


def test_the_estimates_on_the_site_are_those_of_the_command(root, site):
    page = (site / "chapters/data.html").read_text(encoding="utf-8")
    written = ctdild(root, "export", "estimates")
    assert written.returncode == 0
    assert (site / "_static/dataset" / estimates.FILE).read_bytes() == written.stdout.encode()
    assert f'href="../_static/dataset/{estimates.FILE}"' in page
    assert all(f">{escape(column)}</div></th>" in page and escape(meaning) in page for column, meaning in estimates.COLUMNS.items())


def test_the_first_mention_of_a_glossary_term_is_a_link_with_its_meaning(site):
    page = (site / CHAPTER).read_text(encoding="utf-8")
    links = re.findall(r'<a class="[^"]*ctd-term[^"]*" href="glossary.html#term-([^"]+)" title="([^"]+)"', page)
    terms = [term for term, _ in links]
    assert {"FVC", "ILD"} <= set(terms) and len(terms) == len(set(terms))
    assert all(len(meaning) > 20 for _, meaning in links)


def test_pages_load_no_icon_script_and_no_search_index(visit, sample):
    for name in sample:
        loaded = [url.rpartition("/")[2].partition("?")[0] for url in visit(name).requests_made]
        heavy = {"fontawesome.js", "fa-solid-900.woff2", "togglebutton.js", "design-tabs.js"}
        assert not heavy & set(loaded), (name, loaded)
        assert ("searchindex.js" in loaded) == (name == "search.html"), (name, loaded)


def test_the_search_box_leaves_room_for_its_icon_and_warns_in_words_alone(visit):
    page = visit("search.html", java_script_enabled=False)
    box = page.locator("form.bd-search:visible").first
    icon, field = box.locator(".fa-magnifying-glass"), box.locator("input")
    end = icon.bounding_box()["x"] + icon.bounding_box()["width"]
    assert end <= field.bounding_box()["x"] + field.evaluate("e => parseFloat(getComputedStyle(e).paddingLeft)")
    title = page.locator(".admonition-title").first
    assert title.evaluate("e => getComputedStyle(e, '::after').content") == "none", "a glyph of a font that is not there"


@pytest.mark.parametrize("script", [True, False])
def test_every_icon_is_drawn(visit, sample, script):
    """The names of the theme's icons must be among those that site.css draws."""
    for name in sample:
        page = visit(name, java_script_enabled=script)
        undrawn = page.evaluate("""() => [...document.querySelectorAll('.fa-solid')].filter(
            e => !getComputedStyle(e, '::before').maskImage.startsWith('url("data:image/svg+xml')).map(e => e.className)""")
        assert not undrawn, (name, undrawn)
    if not script:
        return  # what opens the side bar is hidden then
    box = page.locator(".fa-bars").first.bounding_box()
    assert box["width"] > 10 and box["height"] > 10


def test_a_search_finds_a_trial(visit):
    page = visit("search.html?q=senscis")
    page.locator("#search-results li a").first.wait_for()
    assert page.locator("#search-results li a").count() > 2


def test_the_letter_behind_a_figure_leads_to_the_name_of_its_source(visit):
    page = visit(CHAPTER)
    letter = page.locator("a.ev-level").first
    letter.click()
    target = page.locator(letter.get_attribute("href"))
    target.wait_for(state="visible")
    assert 0 <= target.bounding_box()["y"] < DESKTOP["height"]


def test_paper_shows_what_is_folded_and_nothing_wider_than_itself(visit):
    for name in (CHAPTER, "chapters/antifibrotics.html", "trials/senscis.html"):
        page = visit(name, {"width": 680, "height": 960})  # A4 with margins of 15 mm
        page.emulate_media(media="print")
        assert page.locator("details.ctd-fold, details.ctd-more").count() or name.startswith("trials")
        hidden = page.evaluate("""() => [...document.querySelectorAll('.ctd-fold table, .ctd-more table, .sd-dropdown p')].filter(
            e => !e.checkVisibility({contentVisibilityAuto: true}) || !e.getBoundingClientRect().height).map(e => e.textContent.slice(0, 60))""")
        assert not hidden, (name, hidden)
        wide = page.evaluate("""() => [...document.querySelectorAll('.ctd-figure :is(table, svg, p, figcaption)')].filter(
            e => e.checkVisibility() && e.getBoundingClientRect().right > innerWidth + 1).map(e => e.textContent.slice(0, 60))""")
        assert not wide, (name, wide)


def test_paper_names_the_state_of_the_data_and_lists_no_headings(visit):
    page = visit(CHAPTER)
    page.emulate_media(media="print")
    footer = page.get_by_text("Data version")
    assert footer.is_visible() and "newest source" in footer.text_content()
    assert page.locator("#jb-print-toc").count() == 1 and not page.locator("#jb-print-toc").is_visible()
    assert not page.locator(".sd-summary-state-marker").first.is_visible(), "an open answer has no sign that it is closed"


def test_without_a_script_a_phone_shows_the_pages_of_the_book_and_no_dead_button(visit):
    page = visit(CHAPTER, PHONE, java_script_enabled=False)
    assert not [b for b in page.locator(".bd-header-article button").all() if b.is_visible()]
    links = page.locator(".bd-sidebar-primary nav a")
    assert links.count() > 15 and all(link.is_visible() for link in links.all())
    assert page.locator(".bd-sidebar-primary").bounding_box()["y"] > page.locator("article").bounding_box()["height"], "below the text"
    with_script = visit(CHAPTER, PHONE)
    assert with_script.locator(".primary-toggle").is_visible() and not with_script.locator(".bd-sidebar-primary nav a").first.is_visible()


def test_a_phone_begins_an_answer_table_with_links_to_its_rows(visit):
    page = visit(CHAPTER, PHONE)
    contents = page.locator("nav.ctd-contents").first
    assert contents.is_visible() and contents.bounding_box()["y"] < PHONE["height"] * 0.6
    link = contents.locator("a").last
    link.click()
    row = page.locator(link.get_attribute("href"))
    page.wait_for_timeout(300)
    assert 0 <= row.bounding_box()["y"] < PHONE["height"], "the link leads to the row"
    assert not visit(CHAPTER, DESKTOP).locator("nav.ctd-contents").first.is_visible(), "a wide table needs no list of its rows"
