"""Has the page changed? Its sentences, found by digest, beside the map of those that claims cover. Pure.

A page that was reworded is a page whose promises nobody has looked at yet: no likeness is guessed.
"""

from collections.abc import Iterable
from html.parser import HTMLParser

from conformance.claims.page import digest, mapping, sentences
from conformance.model.page import PageDrift, Vanished

_SILENT = {"head", "script", "style", "noscript", "template", "svg", "nav", "header", "footer"}
_INLINE = {
    "a", "abbr", "b", "bdi", "bdo", "cite", "code", "data", "dfn", "em", "i", "kbd", "mark", "q", "s", "samp", "small",
    "span", "strong", "sub", "sup", "time", "u", "var", "wbr",
}  # fmt: skip
_MOST_LISTED = 100
_MOST_CHARACTERS = 400  # of one sentence


def drift(source: str, text: str) -> PageDrift:
    """What a page of plain text or HTML says that no claim covers, and which covered sentences it lacks."""
    said = dict.fromkeys(sentences(plain(text) if is_html(text) else text))
    known = {sentence.sha256: sentence for sentence in mapping()}
    found = {digest(sentence) for sentence in said}
    return PageDrift(
        source=source,
        sentences=len(said),
        uncovered=tuple(_uncovered(said, known))[:_MOST_LISTED],
        vanished=tuple(
            Vanished(sha256=sha256, claims=sentence.claims)
            for sha256, sentence in known.items()
            if sentence.claims and sha256 not in found
        ),
    )


def _uncovered(said: Iterable[str], known: Iterable[str]) -> Iterable[str]:
    known = set(known)
    return (sentence[:_MOST_CHARACTERS] for sentence in said if digest(sentence) not in known)


def is_html(text: str) -> bool:
    """Whether a page is HTML: it begins with a tag, comments and white space aside."""
    return text.lstrip("\ufeff \t\r\n").startswith("<")


def plain(html: str) -> str:
    """The text of an HTML page: a line for each block, of its `main` or `article` where it has one."""
    whole = _Text()
    whole.feed(html)
    whole.close()
    lines = whole.inner or whole.lines
    return "\n".join(" ".join(line.split()) for line in lines if line.strip())


class _Text(HTMLParser):
    """Collects text by block; what is for browsers and navigation is left out."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[str] = [""]
        self.inner: list[str] = []
        self._silent = 0
        self._inside = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A block begins a line."""
        self._silent += tag in _SILENT
        self._inside += tag in {"main", "article"}
        if tag not in _INLINE:
            self._break()

    def handle_endtag(self, tag: str) -> None:
        """A block ends its line."""
        self._silent -= tag in _SILENT and self._silent > 0
        if tag not in _INLINE:
            self._break()
        self._inside -= tag in {"main", "article"} and self._inside > 0

    def handle_data(self, data: str) -> None:
        """Text goes on in its line."""
        if self._silent:
            return
        self.lines[-1] += data
        if self._inside:
            self.inner = self.inner or [""]
            self.inner[-1] += data

    def _break(self) -> None:
        self.lines.append("")
        if self._inside and self.inner:
            self.inner.append("")
