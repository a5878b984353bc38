"""Letters: the requests of the campaign, each with the canary of every field in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from conformance.model.evidence import CannotObserve
from conformance.session import Session

TEXT = 120  # characters of a field that carries its canary thrice
OUTPUT = 16  # completion tokens asked for
_PHRASED = "user"  # beside this field's canary stands its word form

_JSON = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One request as its bytes. The first canary is the one by which the request is known."""

    path: str
    url: str  # path and query
    content: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    canaries: tuple[tuple[str, str], ...]  # (field, atom)
    encoded: Mapping[str, bytes] = field(repr=False)  # field → its content as it stands in the body, encoded
    prompt: str = field(repr=False)  # the text that carries the first canary
    money: int  # picodollars at most
    method: str = "POST"


class Writer:
    """Writes one letter: mints its canaries and remembers what they are in."""

    def __init__(
        self, session: Session, path: str, *, url: str, model: str, number: int = 0, key: str | None = None
    ) -> None:
        """`number` counts the letters of a path; `key` is the credential, if any; `model` is called by this name."""
        self.session = session
        self.path = path
        self.url = url
        self.number = number
        self.model = model
        self.headers: dict[str, str] = dict(session.door.auth(key)) if key is not None else {}
        self.query: dict[str, str] = {}
        self._canaries: list[tuple[str, str]] = []
        self._encoded: dict[str, bytes] = {}
        self._prompt = ""

    def atom(self, of: str) -> str:
        """A new canary for a field."""
        atom = self.session.mint.atom(self.path, of)
        self._canaries.append((of, atom))
        return atom

    def text(self, of: str, size: int = TEXT, *, directive: str = "") -> str:
        """A text that carries a new canary thrice, after a directive to the provider, if any."""
        atom = self.atom(of)
        text = directive + self.session.mint.text(atom, size)
        if of == _PHRASED:
            text = f"{text}, {self.session.mint.phrase(atom)}"
        self._prompt = self._prompt or text
        return text

    def encoded(self, of: str, content: str) -> str:
        """The same text, noted as what the provider receives where a field's canary is not in clear."""
        self._encoded[of] = content.encode()
        return content

    def letter(
        self,
        body: Mapping[str, Any] | bytes | None,
        *,
        output: int = OUTPUT,
        before: int = 0,
        after: int = 0,
        method: str = "POST",
    ) -> Letter:
        """The letter with this body, between so many blanks, which are part of the JSON and of no prompt.

        `output` is how many completion tokens it allows at most.
        """
        text = b"" if body is None else body if isinstance(body, bytes) else _JSON.encode(body)
        content = (b"{" + b" " * before + text[1:] if before else text) + b" " * after
        if body is not None:
            self.headers.setdefault("content-type", "application/json")
        query = "&".join(f"{name}={value}" for name, value in self.query.items())
        return Letter(
            path=self.path,
            url=f"{self.url}?{query}" if query else self.url,
            content=content,
            headers=self.headers,
            canaries=tuple(self._canaries),
            encoded=self._encoded,
            prompt=self._prompt,
            money=price(self.session, len(text), output),
            method=method,
        )


def price(session: Session, size: int, output: int) -> int:
    """The most that a request of so many bytes can cost, in picodollars; 0 while the price is not known."""
    try:
        found = session.price()
    except CannotObserve:
        return 0
    return found.call or found.bill(size, output)
