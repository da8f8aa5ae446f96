"""Ring one, data contract: the loader on the real package, and on everything a spreadsheet or a disk can do to it."""

from __future__ import annotations

import json
import os
import pickle
import time
from pathlib import Path

import pytest
from conftest import edit_row, read_table, write_table
from evidence_factory import SRC, build
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ctdild.evidence import Printed, load, read

CONTRAST = "senscis.all.fvc-rate.w52"


def one(problems, **expected):
    """The single problem, whose attributes contain what is expected."""
    assert len(problems) == 1, [str(p) for p in problems]
    for name, value in expected.items():
        found = getattr(problems[0], name)
        assert value == found if not isinstance(value, str) else value in (found or ""), (name, value, found)
    return problems[0]


def test_every_table_of_the_package_is_there_and_frictionless_agrees(root):
    from frictionless import validate

    report = validate(str(root / "data/datapackage.json"))
    assert report.valid, [e for task in report.tasks for e in task.errors][:5]


def test_figures_keep_their_printed_text(evidence):
    row = evidence.row(CONTRAST)
    assert isinstance(row.estimate, Printed)
    assert str(row.estimate) == row.text("estimate")
    assert row.estimate.decimals == len(row.text("estimate").partition(".")[2])
    assert row.estimate == float(row.text("estimate"))


@given(st.decimals(-1000, 1000, allow_nan=False, places=3))
def test_printed_is_a_number_with_a_memory(number):
    printed = Printed(f"{number:f}")
    assert printed == float(number)
    assert printed.decimals == 3
    assert printed.half_unit == pytest.approx(0.0005)
    assert pickle.loads(pickle.dumps(printed)).text == printed.text


def test_a_correction_replaces_the_cell_and_keeps_what_was_printed(evidence, root):
    record = evidence["corrections"][0]
    row = evidence.row(record.row_id)
    assert row.text(record.column) == record.used
    assert row.corrections[record.column] is record
    printed = {r["result_id"]: r for r in read_table(root / "data/arm_results.csv")}[record.row_id][record.column]
    assert printed == record.printed


def test_a_correction_lapses_when_the_row_no_longer_says_what_was_printed(data):
    record = read_table(data / "corrections.csv")[0]
    edit_row(data / f"{record['table']}.csv", record["row_id"], **{record["column"]: "0.11"})
    problem = one(read(data)[1], rule="correction", file="corrections.csv", column="printed")
    assert "0.11" in problem.message and record["printed"] in problem.message


def test_a_position_on_all_whom_a_trial_enrolled_is_seen_where_the_trial_is(evidence):
    ra, ssc = evidence.scope("ra-ild"), evidence.scope("ssc-ild")
    assert "nintedanib-fda-progressive" in ra and "ats-ers-2022-nintedanib" in ra, "INBUILD enrolled progressive disease"
    assert "nintedanib-fda-ssc" not in ra
    assert "nerandomilast-fda-progressive" in ra and "ats-ers-2022-pirfenidone" in ra, (
        "their fibrosis may progress; both are tested in them"
    )
    assert "acr-chest-2023-next-cyclophosphamide-iim" not in ssc, "RECITAL enrolled more than myositis"
    assert "acr-chest-2023-first-rituximab" in evidence.scope("ctd-ild")


def test_a_network_of_trials_brings_no_positions_on_its_drugs():
    """A synthesis enrolled nobody: guidelines on the drugs that it compares are not the page's for that."""
    arms = [{"arm": "drug"}, {"arm": "other", "treatment": "other"}]
    tables = {
        "treatments": [{"treatment": "drug"}, {"treatment": "other", "class": "other"}],
        "arms": arms,
        "scopes": [{"scope": "part", "title": "Part", "classes": "biologic"}],
        "recommendations": [{"recommendation_id": "r1", "treatment": "other", "body": "BODY", "year": "2023", "disease": "SSc", "direction": "for",
                             "line": "not stated", "strength": "not read", **SRC}],
    }  # fmt: skip
    assert "r1" in build(**tables).scope("part")
    network = build(**tables, trials=[{"kind": "meta-analysis"}]).scope("part")
    assert "one/other" in network and "r1" not in network


def test_a_chapter_sees_the_claims_of_the_source_article_that_it_answers(evidence):
    ra = evidence.scope("ra-ild")
    assert {row.page for row in ra["source_claims"]} == {"chapters/ra-ild"}
    assert len(evidence.scope("all")["source_claims"]) == len(evidence["source_claims"])


def test_the_whole_review_keeps_what_no_trial_used(evidence):
    assert {row.id for row in evidence["mcids"]} == {row.id for row in evidence.scope("all")["mcids"]}
    assert "sgrq-i-ipf-better" not in evidence.scope("ra-ild")


def test_a_scope_of_treatments_alone_is_about_no_disease(evidence):
    surgery = evidence.scope("lung-transplantation")
    assert not any(surgery[table] for table in ("prevalence", "ct_patterns", "autoantibodies", "instruments"))
    assert evidence.scope("ra-ild")["prevalence"] and evidence.scope("all")["autoantibodies"]


def test_a_scope_shows_its_disease_only(evidence):
    ssc = evidence.scope("ssc-ild")
    assert "recital.ssc" in ssc and "recital.all" in ssc
    assert "recital.iim" in evidence and "recital.iim" not in ssc
    assert not any(row.cohort == "iim" for table in ("arm_results", "contrasts", "statements") for row in ssc[table])
    for table in ssc.tables:
        for row in ssc[table]:
            if "source_id" in row:
                assert row.source_id in ssc
    with pytest.raises(KeyError, match="ssc-ild"):
        evidence.scope("ssc")


def test_the_digest_follows_what_is_visible_and_nothing_else(data):
    whole = load(data)
    edit_row(data / "contrasts.csv", CONTRAST, note="another note")
    changed = load(data)
    assert changed.scope("ssc-ild").digest() != whole.scope("ssc-ild").digest()
    rows = read_table(data / "arm_results.csv")
    iim = next(r["result_id"] for r in rows if r["cohort"] == "iim")
    edit_row(data / "arm_results.csv", iim, note="another note")
    again = load(data)
    assert again.digest() != changed.digest()
    assert again.scope("ssc-ild").digest() == changed.scope("ssc-ild").digest()


def test_frames_have_numbers(evidence):
    frame = evidence.frame("contrasts")
    assert frame["estimate"].dtype == "Float64"
    assert frame.set_index("contrast_id").loc[CONTRAST, "ci_low"] == pytest.approx(float(evidence.row(CONTRAST).ci_low))


def test_unknown_addresses_name_close_ones(evidence):
    with pytest.raises(KeyError, match=r"senscis\.all\.fvc-rate\.w52"):
        evidence.row("senscis.all.fvc-rate.w53")
    with pytest.raises(KeyError, match="no row 52"):
        evidence.row(52)


def test_an_address_of_another_table_is_not_taken_for_one_of_this(evidence):
    assert evidence.row("nintedanib", "treatments") is evidence.row("nintedanib")
    with pytest.raises(KeyError, match="a row of treatments, not of outcomes"):
        evidence.row("nintedanib", "outcomes")


@pytest.mark.parametrize(
    ("cell", "message", "repair"),
    [
        ("41,0", "decimal comma", "write 41.0"),
        ("−41.0", "typographic minus", "write -41.0"),
        ("4.1e1", "scientific notation", "printed it"),
        ("41-Jan", "turned it into one", "restore"),
        ("Jan-41", "turned it into one", "restore"),
        ("2.9.2026", "not a number", "write digits"),
        ("41.0 mL", "not a number", "write digits"),
        ("41%", "per cent sign", "write 41"),
        ("NaN", "missing value", "leave the cell empty"),
        ("#REF!", "spreadsheet's error", "restore"),
        (".5", "leading zero", "write 0.5"),
        ("+41.0", "plus sign", "write 41.0"),
        ("1 041", "thousands", "write 1041"),
        (" 41.0", "space before or after", "'41.0'"),
        ("41.0\x07", "control character", "remove"),
        ("=1+1", "not a number", "write digits"),
        ("Infinity", "not a number", "write digits"),
        ("9" * 400, "400 characters", "restore"),
        ("x" * 19_000, "19,000 characters", "restore"),
    ],
)
def test_a_damaged_number_is_named_with_its_repair(data, cell, message, repair):
    line = edit_row(data / "contrasts.csv", CONTRAST, estimate=cell)
    one(read(data)[1], file="contrasts.csv", row=line, column="estimate", message=message, repair=repair)


@pytest.mark.parametrize(
    ("table", "row", "column", "cell", "message", "repair"),
    [
        ("contrasts", CONTRAST, "n_a", "288.0", "decimals where a count belongs", "write 288"),
        ("contrasts", CONTRAST, "n_a", "28.8", "not a whole number", "count"),
        ("contrasts", CONTRAST, "preferred", "TRUE", "neither true nor false", "write true"),
        ("contrasts", CONTRAST, "measure", "md", "is not one of", "MD"),
        ("contrasts", CONTRAST, "unit", "ml/year", "is not one of", "mL/year"),
        ("contrasts", CONTRAST, "p_value", "4", "above 1", "decimal point"),
        ("contrasts", CONTRAST, "outcome", "fvc-rates", "no row of outcomes.csv", "write fvc-rate"),
        ("contrasts", CONTRAST, "source_id", "nowhere", "no row of sources.csv", None),
        ("contrasts", CONTRAST, "arm_a", "nintedanip", "no row of arms.csv", "write nintedanib"),
        ("contrasts", CONTRAST, "locator", "", "a value is required", "enter one"),
        ("trials", "senscis", "year", "19", "not a year", "four digits"),
        ("trials", "senscis", "disease", "SSc; RA", "space in the list", "without spaces"),
        ("trials", "senscis", "registry_id", "NCT0259793", "form expected", "form"),
        ("trials", "senscis", "includes", "senscus", "no row of trials.csv", "write senscis"),
    ],
)
def test_a_wrong_cell_is_named_with_its_repair(data, table, row, column, cell, message, repair):
    line = edit_row(data / f"{table}.csv", row, **{column: cell})
    problem = one(read(data)[1], file=f"{table}.csv", row=line, column=column, message=message)
    assert repair is None or repair in problem.repair


def test_all_problems_come_at_once(data):
    edit_row(data / "contrasts.csv", CONTRAST, estimate="41,0", ci_low="−2.9", unit="ml")
    edit_row(data / "trials.csv", "senscis", year="2019.0")
    places = {(p.file, p.column) for p in read(data)[1]}
    assert places == {("contrasts.csv", "estimate"), ("contrasts.csv", "ci_low"), ("contrasts.csv", "unit"), ("trials.csv", "year")}


def test_a_doubled_row_is_named_with_both_lines(data):
    rows = read_table(data / "contrasts.csv")
    write_table(data / "contrasts.csv", [*rows, rows[0]])
    problem = one(read(data)[1], rule="duplicate-id", file="contrasts.csv", row=len(rows) + 2)
    assert "line 2" in problem.message


def test_ids_are_one_name_space(data):
    rows = read_table(data / "sources.csv")
    write_table(data / "sources.csv", [*rows, {**rows[0], "source_id": "senscis"}])
    one(read(data)[1], rule="duplicate-id", message="already a row of")


def put(data, name, content):
    (data / name).write_bytes(content if isinstance(content, bytes) else content.encode())


@pytest.mark.parametrize(
    ("damage", "rule"),
    [
        (lambda b: b"", "empty-file"),
        (lambda b: b.split(b"\n")[0] + b"\n", "empty-file"),
        (lambda b: b"\x89PNG\r\n\x1a\n\0\0\0" + bytes(range(256)), "encoding"),
        (lambda b: b.decode().encode("utf-16"), "encoding"),
        (lambda b: b.decode().encode("utf-16-le"), "encoding"),
        (lambda b: b.decode().encode("utf-32"), "encoding"),
        (lambda b: b.replace(b"SENSCIS", b"SEN\0SCIS", 1), "encoding"),
        (lambda b: b"\xef\xbb\xbf" + b, "encoding"),
        (lambda b: b.replace(b"SENSCIS", "SENSCIS é".encode("latin-1"), 1), "encoding"),
        (lambda b: b.replace(b"\n", b"\r\n"), "line-ends"),
        (lambda b: b.replace(b"acronym", b"akronym", 1), "unknown-column"),
        (lambda b: b.replace(b"acronym", b"title", 1), "duplicate-column"),
        (lambda b: b.replace(b",", b";"), "missing-column"),
        (lambda b: b.replace(b"\n", b"," + b",".join(b"c%d" % i for i in range(100_000)) + b"\n", 1), "too-many"),
        (lambda b: b.replace(b"\n", b"," * 1_000_000 + b"\n", 1), "duplicate-column"),
        (lambda b: b + b"\n", "empty-row"),
        (lambda b: b + b"one,two\n", "cell-count"),
        (lambda b: b + b'"never closed,' * 3, "csv"),
        (lambda b: b + b'"never closed', "csv"),
        (lambda b: b + b'"a "" b " c """,x\n', "csv"),
        (lambda b: b + b'"' * 300_000, "cell-size"),
        (lambda b: b + b'"' + b"x" * 10_000_000 + b'"\n', "cell-size"),
        (lambda b: b + b"x," * 11_000_000, "file-size"),
    ],
)
def test_a_damaged_file_is_a_clear_error_within_seconds(data, damage, rule):
    put(data, "trials.csv", damage((data / "trials.csv").read_bytes()))
    started = time.monotonic()
    evidence, problems = read(data)
    assert evidence is None
    assert time.monotonic() - started < 10, "hangs"
    assert rule in {p.rule for p in problems if p.file == "trials.csv"}, [str(p) for p in problems]
    assert all(p.message and "Traceback" not in p.message for p in problems)


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("sources", b"x%d"),  # a shifted column
        ("sources", b""),  # blank lines
        ("scopes", b"x%d,,,,,"),  # what would pass, row by row
        ("readings", b"x,y%d,1"),
    ],
)
def test_a_million_rows_do_not_hang(data, name, row):
    content = (data / f"{name}.csv").read_bytes()
    put(data, f"{name}.csv", content + b"\n".join(row % i if b"%" in row else row for i in range(1_000_000)) + b"\n")
    started = time.monotonic()
    evidence, problems = read(data)
    assert evidence is None and len(problems) < 500
    assert "too-many" in {p.rule for p in problems if p.file == f"{name}.csv"}
    assert time.monotonic() - started < 10, "hangs"


def test_thousands_of_broken_keys_are_counted_not_listed(data):
    rows = read_table(data / "statements.csv")
    write_table(data / "statements.csv", [{**rows[0], "statement_id": f"x{i}", "source_id": f"nowhere-{i}"} for i in range(4_000)])
    started = time.monotonic()
    problems = read(data)[1]
    assert 200 <= len([p for p in problems if p.file == "statements.csv"]) < 210 and "too-many" in {p.rule for p in problems}
    assert time.monotonic() - started < 10, "hangs"


@pytest.mark.parametrize("name", ["trials.csv", "datapackage.json", "references.bib"])
@pytest.mark.parametrize(
    ("place", "message"),
    [
        (Path.mkdir, "a folder, a pipe or a device"),
        (os.mkfifo, "a folder, a pipe or a device"),
        (lambda path: path.symlink_to("/dev/zero"), "a folder, a pipe or a device"),
        (lambda path: path.symlink_to(path), "cannot be read"),
        (lambda path: path.symlink_to("nowhere"), "does not exist"),
    ],
    ids=["folder", "pipe", "device", "link to itself", "broken link"],
)
def test_what_is_no_file_is_named_and_not_read(data, name, place, message):
    (data / name).unlink()
    place(data / name)
    evidence, problems = read(data)
    assert evidence is None
    assert any(message in p.message for p in problems if p.file == name), [str(p) for p in problems]


@pytest.mark.parametrize(
    ("damage", "rule"),
    [
        (b"@article{open,\n title = {Never closed}\n", "open-entry"),
        (b"@article{open,\n" * 500_000, "open-entry"),
        (b"@article{twice,\n}\n" * 200_000, "duplicate-key"),
        (b"@article{long,\n title = {" + b"x" * 10_000_000 + b"}\n}\n", "cell-size"),
        (b"@article{holes,\n" + b"\n" * 1_000_000 + b"\n", "open-entry"),
    ],
    ids=["open", "many open", "twice", "long", "holes"],
)
def test_a_damaged_bibliography_is_a_clear_error_within_seconds(data, damage, rule):
    put(data, "references.bib", (data / "references.bib").read_bytes() + damage)
    started = time.monotonic()
    evidence, problems = read(data)
    assert evidence is None and len(problems) < 500
    assert {p.file for p in problems} == {"references.bib"} and rule in {p.rule for p in problems}, [str(p) for p in problems[:5]]
    assert time.monotonic() - started < 10, "hangs"


def test_a_work_keeps_its_fields_whatever_follows(data):
    text = "@article{one, title = {On {FVC}},\n  year = {2020},\n\n}\nwords between\n@book{two,\n  title={Two},\n}\n"
    put(data, "references.bib", (data / "references.bib").read_text() + text)
    works = load(data).bibliography
    assert works["one"] == {"title": "On FVC", "year": "2020"} and works["two"] == {"title": "Two"}


def test_a_missing_table_and_an_unknown_one(data):
    (data / "trials.csv").rename(data / "trails.csv")
    assert {(p.rule, p.file) for p in read(data)[1]} >= {("missing-file", "trials.csv"), ("unknown-file", "trails.csv")}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"resources": [{}]}',
        '{"resources": 3}',
        '{"resources": [{"name": "a"}]}',
        "null",
        b"\xff\xfe{\0",
        b'{"title": "\xe9"}',
        "[" * 100_000,
    ],
    ids=lambda text: repr(text[:20]),
)
def test_a_damaged_schema_is_a_clear_error(data, text):
    put(data, "datapackage.json", text)
    evidence, problems = read(data)
    assert evidence is None and problems and problems[0].file == "datapackage.json"
    assert problems[0].message and problems[0].repair


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        *(
            (lambda table, path=path: table.update(path=path), "does not name a file of the data folder")
            for path in ("../../x.csv", "sub/../../x.csv", "/etc/passwd", "https://example.org/x.csv", "C:x.csv", "a\\b.csv", "trials.csv\0", "", 3, ["trials.csv"])
        ),
        (lambda table: table["schema"].update(primaryKey="nonsense"), "'nonsense' is needed"),
        (lambda table: table["schema"]["foreignKeys"][0].update(fields="nonsense"), "'nonsense' is needed"),
        (lambda table: table["schema"]["foreignKeys"][0]["reference"].update(fields="nonsense"), "names nonsense"),
        (lambda table: table["schema"]["fields"][0].update(references="trials"), "expected table.column"),
        (lambda table: table["schema"]["fields"][0].update(type="strnig"), "'strnig' of column 'trial_id' is none of"),
        (lambda table: table["schema"]["fields"][0].update(separator=3), "are texts"),
        (lambda table: table["schema"]["fields"][0].update(constraints={"enum": [1]}), "are texts"),
        (lambda table: table["schema"]["fields"][0].update(constraints={"pattern": "("}), "not a regular expression"),
        (lambda table: table["schema"]["fields"][0].update(constraints={"minimum": 1}), "minimum 1"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_an_odd_description_of_a_table_is_named_with_its_line(data, damage, message):
    package = json.loads((data / "datapackage.json").read_text())
    damage(next(r for r in package["resources"] if r["name"] == "trials"))
    put(data, "datapackage.json", json.dumps(package, indent=1))
    evidence, problems = read(data)
    assert evidence is None
    problem = next(p for p in problems if message in p.message)
    assert problem.file == "datapackage.json" and "'trials'" in problem.message and problem.repair
    assert '"name": "trials"' in (data / "datapackage.json").read_text().split("\n")[problem.row - 1]


def test_a_key_to_a_table_that_is_not_described_yet_is_a_finding(data):
    package = json.loads((data / "datapackage.json").read_text())
    package["resources"] = [r for r in package["resources"] if r["name"] != "mcids"]
    arms = next(r for r in package["resources"] if r["name"] == "arms")
    arms["schema"]["foreignKeys"][0]["reference"]["resource"] = "later"
    put(data, "datapackage.json", json.dumps(package))
    (data / "mcids.csv").unlink()
    assert any(p.rule == "broken-key" and "no row of later.csv" in p.message for p in read(data)[1])


def test_a_missing_folder_is_a_clear_error(data, tmp_path):
    one(read(tmp_path / "nowhere")[1], rule="missing-folder", message="does not exist")
    one(read(data / "trials.csv")[1], rule="missing-folder", message="not a folder")
    (tmp_path / "empty").mkdir()
    one(read(tmp_path / "empty")[1], rule="missing-file", file="datapackage.json")


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=400) | st.text(max_size=400).map(lambda t: t.encode("utf-8", "surrogatepass")))
def test_no_bytes_crash_the_loader(data, content):
    original = (data / "scopes.csv").read_bytes()
    for damaged in (content, original + content, original[: len(content)] + content):
        put(data, "scopes.csv", damaged)
        evidence, problems = read(data)
        assert evidence is not None or problems
    put(data, "scopes.csv", original)


def test_the_schema_describes_every_column(root):
    package = json.loads((root / "data/datapackage.json").read_text())
    for resource in package["resources"]:
        for field in resource["schema"]["fields"]:
            assert len(field["description"]) > 4 and field["description"].endswith("."), (resource["name"], field["name"])


def test_the_year_of_a_work_is_told_once(evidence):
    for key, fields in evidence.bibliography.items():
        year = fields.get("year", "")
        assert not year or f"{year} {year}" not in evidence.work(key), key
    assert any(fields.get("howpublished", "").endswith("2025") for fields in evidence.bibliography.values())


def test_a_registry_record_has_no_authors_to_miss(evidence):
    for key, fields in evidence.bibliography.items():
        if "registry record" in fields.get("title", ""):
            assert "not read]" not in evidence.work(key) and not evidence.work(key).startswith(". "), key
    unread = [
        key for key, fields in evidence.bibliography.items() if "[authors not read]" in fields.get("author", "") and "journal" in fields
    ]
    assert unread and all("[authors not read]" in evidence.work(key) for key in unread), "of an article the hole is said"
