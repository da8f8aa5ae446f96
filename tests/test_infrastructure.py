"""Outside the rings: the lock, the commands, and what may be in the tree."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sysconfig
import tomllib
from pathlib import Path

import pytest

import ctdild

#: Made again by make, so never kept: a kept copy would go stale unseen.
BUILT = re.compile(r"(^|/)(_build|\.venv|__pycache__|node_modules|\.ipynb_checkpoints|\.hypothesis|\.[a-z]+_cache|[^/]+\.egg-info)/|\.pyc$")
#: A folder that exists on one machine only.
MACHINE = re.compile(r"(?<![\w.:/-])/(?:home|root|Users|work|tmp|opt)/\w")  # fmt: skip


@pytest.fixture(scope="module")
def kept(root) -> list[str]:
    """Every file that is, or would be, committed."""
    if not (root / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=root, capture_output=True, text=True, check=True
    )
    return [name for name in listed.stdout.split("\0") if name and (root / name).exists()]


def asked_for(root: Path) -> dict[str, str]:
    """Line by name of what ``requirements.in`` asks for."""
    lines = (root / "requirements.in").read_text().splitlines()
    return {re.match(r"[\w.-]+", line)[0]: line for line in lines if line and line[0] not in "# "}


def locked(root: Path) -> list[tuple[str, str]]:
    """Head line and hashes of each pin of ``requirements.txt``."""
    joined = (root / "requirements.txt").read_text().replace("\\\n", " ")
    entries = [line for line in joined.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return [(head.strip(), rest) for head, _, rest in (entry.partition("--hash=") for entry in entries)]


# --- the lock ---


def test_each_requirement_has_a_reason(root):
    without = [name for name, line in asked_for(root).items() if not re.search(r"\s# \S.{8,}", line)]
    assert not without


def test_lock_pins_and_hashes_everything(root):
    for head, hashes in locked(root):
        assert re.fullmatch(r"[a-z0-9.-]+==[\w.+!]+( ; .+)?", head), f"not one exact version: {head}"
        assert re.match(r"sha256:[0-9a-f]{64}", hashes), f"no hash: {head}"


def test_lock_holds_what_is_asked_for(root):
    pins = {name.partition("==")[0]: name for name, _ in locked(root)}
    for name, line in asked_for(root).items():
        assert name in pins, f"{name} is not in requirements.txt: run make lock"
        wanted = re.match(r"\S+==(\S+)", line)
        if wanted:
            assert pins[name].startswith(f"{name}=={wanted[1]}"), f"{name} is pinned otherwise: run make lock"


def test_lock_names_no_host_and_no_folder(root):
    for file in ("requirements.in", "requirements.txt"):
        text = (root / file).read_text()
        assert not re.search(r"https?://|file:|(?m:^\s*(-i|-f|-e|--index|--extra-index|--find-links|--trusted))", text), file
        assert "/" not in re.sub(r"#.*", "", text), file


# --- the commands ---


def make(root: Path, *arguments: str) -> str:
    """What make prints; as if called by a person, even inside `make test`."""
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    return subprocess.run(["make", *arguments], cwd=root, env=environment, capture_output=True, text=True, check=True).stdout


def test_help_lists_every_command(root):
    phony = re.search(r"^\.PHONY: (help .+)$", (root / "Makefile").read_text(), re.MULTILINE)[1].split()
    shown = make(root, "help")
    assert re.findall(r"^  make (\w+) +\w", shown, re.MULTILINE) == phony
    assert make(root) == shown


def test_readme_and_contributing_name_only_commands_that_exist(root):
    commands = set(re.findall(r"^([a-z]+):.*## ", (root / "Makefile").read_text(), re.MULTILINE))
    for file in ("README.md", "CONTRIBUTING.md", "tests/README.md", ".github/pull_request_template.md"):
        named = set(re.findall(r"(?:`|^    )make ([a-z]+)", (root / file).read_text(), re.MULTILINE))
        assert named, file
        assert named <= commands, file


def test_continuous_integration_runs_what_people_run(root):
    assert re.search(r"^make test\b", (root / ".ci" / "run").read_text(), re.MULTILINE)
    assert (root / ".ci" / "run").stat().st_mode & 0o111
    workflow = (root / ".github" / "workflows" / "ci.yml").read_text()
    assert "run: bash .ci/run" in workflow
    assert "secrets." not in workflow
    assert re.findall(r"uses: \S+@(?![0-9a-f]{40} # v\d)\S+", workflow) == [], "an action that is not pinned by commit"


def test_a_copied_checkout_runs_its_own_src(root, tmp_path):
    venv = root / ".venv"
    if not (venv / ".ready").exists():
        pytest.skip("no .venv made by make")
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(venv)})).relative_to(venv)
    copy = tmp_path / "a copy"
    for name in ("pyvenv.cfg", *(f"bin/{path.name}" for path in venv.glob("bin/python*")), "bin/ctdild", packages / "ctdild.pth"):
        (copy / ".venv" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(venv / name, copy / ".venv" / name, follow_symlinks=False)
    package = copy / "src" / "ctdild"
    package.mkdir(parents=True)
    (package / "__main__.py").write_text("import sys; print(__file__, sys.argv[1:])")
    elsewhere = {**os.environ, "PYTHONPATH": str(root / "src")}
    answer = subprocess.run(
        [copy / ".venv/bin/ctdild", "check", "a b"], cwd=root / "src", env=elsewhere, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == f"{package / '__main__.py'} ['check', 'a b']"


# --- the tree ---


def test_nothing_built_is_kept(kept):
    assert [name for name in kept if BUILT.search(name)] == []


def test_what_is_built_is_ignored(root, kept):
    built = [
        "_build/html/index.html",
        ".venv/bin/python",
        "src/ctdild/__pycache__/x.pyc",
        ".pytest_cache/x",
        ".ruff_cache/x",
        ".hypothesis/x",
    ]
    answer = subprocess.run(["git", "check-ignore", *built], cwd=root, capture_output=True, text=True)
    assert answer.stdout.split() == built


def test_no_file_names_a_machine(root, kept):
    found = []
    for name in kept:
        content = (root / name).read_bytes()
        if b"\0" not in content:
            lines = enumerate(content.decode("utf-8").splitlines(), start=1)
            found += [f"{name}:{number}: {line.strip()[:120]}" for number, line in lines if MACHINE.search(line)]
    assert found == []


def test_every_top_folder_is_explained(root, kept):
    readme = (root / "README.md").read_text()
    folders = {name.partition("/")[0] for name in kept if "/" in name and not name.startswith(".")}
    assert {"chapters", "data", "src", "tests"} <= folders
    assert [f for f in sorted(folders) if f"{f}/" not in readme and not (root / f / "README.md").exists()] == []


def test_every_test_file_is_in_its_ring(root):
    readme = (root / "tests" / "README.md").read_text()
    names = {path.name for path in (root / "tests").glob("test_*.py")}
    assert set(re.findall(r"`(test_\w+\.py)`", readme)) == names


def test_there_is_one_version(root):
    assert {
        ctdild.__version__,
        tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"],
        json.loads((root / "data" / "datapackage.json").read_text())["version"],
        re.search(r"^version: (\S+)$", (root / "CITATION.cff").read_text(), re.MULTILINE)[1],
    } == {ctdild.__version__}
