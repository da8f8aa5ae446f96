"""A browser for the tests of the built site: found, or else fetched.

`find` returns the first Chromium or Chrome of the machine that really starts.
Run as a program, this file prints its path, and fetches a browser first where there is none.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Error, sync_playwright

COMMANDS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC_APPS = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
START_SECONDS = 30
DOWNLOAD_SECONDS = 600
#: Playwright gives up on a server this long silent, and asks up to five times: without a network that is under a minute in all.
SILENCE_SECONDS = 10

WAYS = """\
No browser for the tests of the built site. Do one of these, then try again:
  - install Chromium or Google Chrome
  - .venv/bin/python -m playwright install --with-deps chromium
  - name the one to use: CTDILD_BROWSER=/path/to/chrome make test"""


class BrowserError(Exception):
    """No browser starts; the message names the ways to one and says what was tried."""

    def __init__(self, tried: list[str]):
        self.tried = tried
        super().__init__("\n".join([WAYS, "Tried:", *(f"  - {what}" for what in tried or ["nothing found"])]))


@functools.cache
def find() -> str:
    """Path of a browser that starts.

    One named in CTDILD_BROWSER is used or nothing is: a test in another browser than the one asked for would mislead.
    Not to be called while a Playwright session is open.

    Raises
    ------
    BrowserError
        None starts.
    """
    tried = []
    if failure := _run([sys.executable, "-m", "playwright", "--version"]):
        raise BrowserError([f"Playwright itself: {failure}"])
    with sync_playwright() as playwright:
        for path in _candidates(playwright.chromium.executable_path):
            failure = _start(playwright, path)
            if failure is None:
                return path
            tried.append(f"{path}: {failure}")
    raise BrowserError(tried)


def _candidates(own: str) -> Iterator[str]:
    named = os.environ.get("CTDILD_BROWSER")
    if named:
        yield named
        return
    seen = set()
    for path in [*map(shutil.which, COMMANDS), *MAC_APPS, own]:
        if path and path not in seen and Path(path).exists():
            seen.add(path)
            yield path


def _start(playwright, path: str) -> str | None:
    """Why the browser does not start, or None."""
    try:
        # Playwright starts without Chromium's sandbox, so this also works as root and in containers.
        browser = playwright.chromium.launch(executable_path=path, timeout=START_SECONDS * 1000)
        try:
            page = browser.new_page()
            page.goto("about:blank")
            return None if page.evaluate("document.URL") == "about:blank" else "renders nothing"
        finally:
            browser.close()
    except Error as error:
        return next((line.strip() for line in error.message.splitlines() if line.strip()), "does not start")


def fetch() -> Iterator[str]:
    """Try each way to a browser that this machine has; yields the way, and why it failed if it did."""
    install = [sys.executable, "-m", "playwright", "install", "--no-shell", "chromium"]
    failure = _run(install, PLAYWRIGHT_DOWNLOAD_CONNECTION_TIMEOUT=str(SILENCE_SECONDS * 1000))
    yield f"Playwright's download: {failure or 'done'}"
    if os.geteuid() == 0 and shutil.which("apt-get"):
        # libatomic1 is what Playwright's driver misses on a bare Debian.
        install = ["sh", "-c", "apt-get update && apt-get install -y --no-install-recommends chromium libatomic1"]
        yield f"apt-get: {_run(install, DEBIAN_FRONTEND='noninteractive') or 'done'}"


def _run(command: list[str], **environment: str) -> str | None:
    """Why the command fails, or None."""
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=DOWNLOAD_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return f"not done after {DOWNLOAD_SECONDS} seconds"
    if done.returncode == 0:
        return None
    errors = [line.strip() for line in done.stdout.splitlines() if line.startswith(("Error", "E:")) or ": error" in line]
    return errors[0] if errors else f"exit {done.returncode}"


def main() -> int:
    try:
        print(find())
        return 0
    except BrowserError as error:
        missing = error
    if not os.environ.get("CTDILD_BROWSER"):
        print("Fetching a browser for the tests (once)", file=sys.stderr)
        fetched = []
        for what in fetch():
            fetched.append(what)
            try:
                print(find())
                return 0
            except BrowserError as error:
                missing = BrowserError(error.tried + fetched)
    print(missing, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
