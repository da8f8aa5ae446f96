"""The first mention of a glossary term on a page links to the glossary, and tells the meaning where the pointer rests on it."""

from __future__ import annotations

import functools
import re

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

from .trials import OUTSIDE, ancestors

GLOSSARY = "chapters/glossary"


def _meanings(env) -> dict[str, tuple[str, str]]:
    """Term -> (anchor in the glossary, meaning)."""
    if GLOSSARY not in env.found_docs:
        return {}
    found = {}
    for item in env.get_doctree(GLOSSARY).findall(nodes.definition_list_item):
        meaning = item[-1].astext().replace("\n", " ")
        for term in item.findall(nodes.term):
            found[term.astext()] = (term["ids"][0], meaning)
    return found


@functools.cache
def pattern(term: str) -> re.Pattern:
    """How a term is recognised: as a word of its own, also in the plural; words in any case, abbreviations as they are."""
    case = 0 if any(letter.isupper() for letter in term[1:]) else re.IGNORECASE
    return re.compile(rf"(?<![\w-])({re.escape(term)}s?)(?![\w-])", case)


class LinkFirstMentions(SphinxPostTransform):
    """See the module."""

    default_priority = 210  # after the trials' own links
    builders = ("html",)

    def run(self, **kwargs) -> None:
        if self.env.docname == GLOSSARY or self.env.docname not in self.app.ctdild.pages:
            return
        meanings = _meanings(self.env)
        linked = {node.get("refuri", "").rpartition("#")[2] for node in self.document.findall(nodes.reference)}  # by the author
        texts = [text for text in self.document.findall(nodes.Text) if _may_link(text)]
        whole = "\n".join(text.astext() for text in texts)
        # Longer terms first: the "minimal clinically important difference" is no mention of "difference".
        for term in sorted(meanings, key=len, reverse=True):
            anchor, meaning = meanings[term]
            if anchor not in linked and pattern(term).search(whole):
                self._link(texts, pattern(term), anchor, meaning)

    def _link(self, texts: list[nodes.Text], mention: re.Pattern, anchor: str, meaning: str) -> None:
        """Link the first mention in these texts; what is left of its text takes its place among them."""
        for number, text in enumerate(texts):
            whole = text.astext()
            match = mention.search(whole)
            if match is None:
                continue
            uri = f"{self.app.builder.get_relative_uri(self.env.docname, GLOSSARY)}#{anchor}"
            link = nodes.reference("", match[1], refuri=uri, reftitle=meaning, classes=["ctd-term"], internal=True)
            rest = [nodes.Text(whole[: match.start()]), nodes.Text(whole[match.end() :])]
            parts = [rest[0], link, rest[1]]
            text.parent.replace(text, [part for part in parts if part.astext()])
            texts[number : number + 1] = [part for part in rest if part.astext()]
            return


def _may_link(text: nodes.Text) -> bool:
    """Whether a mention in this text may link: in a paragraph or term, not in a link, heading, citation or output."""
    around = list(ancestors(text))
    if any(isinstance(node, (*OUTSIDE, nodes.citation)) or type(node).__name__ == "dropdown_title" for node in around):
        return False
    return any(isinstance(node, (nodes.paragraph, nodes.term)) for node in around) and not any(n.get("nb_element") for n in around)


def setup(app) -> None:
    app.add_post_transform(LinkFirstMentions)
