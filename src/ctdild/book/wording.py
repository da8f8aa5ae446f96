"""What words may not say by themselves: typed figures, and "no difference" without a guard.

The rules work on plain text. `ctdild.book.prose` applies them to the sources of the pages, in a moment and by line;
`ctdild.book.seen` to the pages as readers will see them, where nothing can hide in a title, a picture's description or the
markup.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Container, Iterable

_MONTH = "January|February|March|April|May|June|July|August|September|October|November|December"
_YEAR = r"(19[89]|20[0-3])\d"
_ALLOWED = (
    rf"\b{_YEAR}(\s?[–-]\s?(19|20)?\d{{2}})?\b(?!\s?(mL|%|patients|points|weeks|m\b|in\sall))"
    rf"|\b{_YEAR}-\d{{2}}-\d{{2}}\b"
    rf"|\b\d{{1,2}}\s(?=({_MONTH})\b)|\b({_MONTH})\s\d{{1,2}}(?=,\s{_YEAR})"
    r"|\b[Pp]hases?\s[1-4][ab]?(\s?(/|and|or|to)\s?[1-4][ab]?)?\b"
    r"|\b(?=[\w-]*[A-Za-zΑ-ω])[A-Za-zΑ-ω][A-Za-zΑ-ω-]*\d+[A-Za-z]?\b"
    r"|\bCC\sBY\s4\.0\b"
    r"|\bI²"
    r"|\b6-minute\swalk"
    r"|\b95\s?%(?=\s(confidence|CI\b))"
    r"|\bper\s100\b"
    r"|\b([Tt]able|[Ff]igure|[Cc]hapter|[Ss]ection|[Vv]ersion|[Tt]ype|[Gg]rade|[Ss]tep|[Ii]tem)s?\s\d+(\.\d+)?\b"
    r"|\b\d+[A-Z]{2,}\b|\b\d+[A-Z]-[A-Z]+\b"
    r"|\b\d(st|nd|rd|th)\b"
    r"|^\s*\d\.\s"
)
_UNITS = (
    r"(mL|millilitres?|per\scent|percent|percentage\spoints?|points?|patients?|participants?|people|persons|deaths?|events?|"
    r"days|weeks|months|years|centres|sites|fold)"
)
_WORDS = (
    "two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|"
    "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|dozen|dozens|half|third|quarter"
)
_NUMBERS = {word: number for number, word in enumerate(_WORDS.split("|")[:19], start=2)}
_NUMBER_WORD = re.compile(
    rf"\b({_WORDS})(-(one|{_WORDS}))?[\s-](of\s|of\sthe\s|more\s|fewer\s)?{_UNITS}\b"
    r"|\b(one|two|three)[\s-](third|quarter|fifth|tenth)s?\b"
    rf"|\b(one|{_WORDS})\s(in|out\sof)\s(every\s)?({_WORDS})\b"
    r"|\b(twice|thrice)\s(as|the)\b|\b(doubl|tripl|halv)(ed|ing)\b",
    re.IGNORECASE,
)
_DIGITS = re.compile(r"[½⅓⅔¼¾⅕⅛⁰¹²³⁴-⁹₀-₉]|[<>≤≥±−–-]?\d[\d.,·]*\s?(?:%|mL\b)?")

_NO_DIFFERENCE = re.compile(
    r"\bno\s(clear\s|significant\s|statistically\ssignificant\s|detectable\s|demonstrable\s|evidence\s(of|for)\s(an?\s|any\s)?)?"
    r"(between-arm\s|between-group\s)?(difference|benefit|effect|advantage|gain)s?\b"
    r"|\bno\sevidence\sthat\b"
    r"|\bno\s(clear\s|significant\s)?change\b|\bnot\s(significantly\s)?different\b|\bas\s(good|effective|safe|efficacious)\sas\b|\bequally\s(good|well|effective|safe|efficacious)\b"
    r"|\bneither\s[\w-]+\swas\s(better|superior)\b|\bno\s(better|worse|safer)\sthan\b|\bnon-?inferior|\b(was|were|remained|stayed)\sunchanged\b|\bineffective\b"
    r"|\b(did|does|do)\snot\s(clearly\s|significantly\s)?(differ|improve|change|help|matter|slow|reduce|lower|prolong|prevent|raise|increase|separate)\b"
    r"|\bfailed\sto\s(improve|slow|reduce|prolong|prevent|show|differ)\b"
    r"|\b(was|were|is|are|remained)\s(broadly\s|much\s)?(similar|alike|the\ssame|comparable|equivalent)\b|\bsimilar\sto\b"
    r"|\bcomparable\s(to|with|in)\b|\bequivalent\b",
    re.IGNORECASE,
)


def typed_figures(text: str, names: Iterable[str] = (), weeks: Container[int] = ()) -> list[str]:
    """The figures typed into a text, digits and number words, but for what is no evidence (see `ctdild.book.prose`).

    ``names`` are names with digits of their own, such as acronyms of trials ("CAPACITY 004"); ``weeks`` are lengths of time
    that a guard holds true, which may be said in words ("after two years" under ``ADDRESS weeks = 104``).
    """
    rest = _allowed(frozenset(names)).sub(" ", text)
    in_words = [match[0] for match in _NUMBER_WORD.finditer(rest) if _in_weeks(match[0]) not in weeks]
    return [found.strip() for found in _DIGITS.findall(rest)] + in_words


@functools.cache
def _allowed(names: frozenset[str]) -> re.Pattern:
    own = sorted((re.escape(name) for name in names if any(c.isdigit() for c in name)), key=len, reverse=True)
    return re.compile(rf"(?<![\w-])({'|'.join(own)})(?![\w-])|{_ALLOWED}" if own else _ALLOWED)


def _in_weeks(words: str) -> int | None:
    """A length of time in words as weeks: 104 for "two years", 26 for "six months"; None for anything else."""
    match = re.fullmatch(rf"({_WORDS})\s(weeks|months|years)", words.lower())
    number = _NUMBERS.get(match[1]) if match else None
    return number and round(number * {"weeks": 1, "months": 52 / 12, "years": 52}[match[2]])


def no_difference(text: str) -> str | None:
    """The words by which a text says that no difference was shown; None if it does not."""
    match = _NO_DIFFERENCE.search(text)
    return match[0] if match else None
