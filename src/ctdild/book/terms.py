"""The first mention of a glossary term on a page links to the glossary, and tells the meaning where the pointer rests on it."""

from __future__ import annotations

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
        # Longer terms first: the "minimal clinically important difference" is no mention of "difference".
        for term in sorted(meanings, key=len, reverse=True):
            anchor, meaning = meanings[term]
            if anchor not in linked:
                self._link(pattern(term), anchor, meaning)

    def _link(self, mention: re.Pattern, anchor: str, meaning: str) -> None:
        for text in self.document.findall(nodes.Text):
            match = mention.search(text.astext())
            around = list(ancestors(text))
            if match is None or any(
                isinstance(node, (*OUTSIDE, nodes.citation)) or type(node).__name__ == "dropdown_title" for node in around
            ):
                continue
            if not any(isinstance(node, (nodes.paragraph, nodes.term)) for node in around) or any(n.get("nb_element") for n in around):
                continue
            whole = text.astext()
            uri = f"{self.app.builder.get_relative_uri(self.env.docname, GLOSSARY)}#{anchor}"
            link = nodes.reference("", match[1], refuri=uri, reftitle=meaning, classes=["ctd-term"], internal=True)
            parts = [nodes.Text(whole[: match.start()]), link, nodes.Text(whole[match.end() :])]
            text.parent.replace(text, [part for part in parts if part.astext()])
            return


def setup(app) -> None:
    app.add_post_transform(LinkFirstMentions)
