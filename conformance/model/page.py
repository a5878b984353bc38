"""The security page as it is published now, beside the sentences that this suite was built for."""

from conformance.model.evidence import Evidence, Record


class Vanished(Record, frozen=True, kw_only=True):
    """A sentence that the page does not have any more: the SHA-256 of its text, and the claims that it made."""

    sha256: str
    claims: tuple[str, ...]


class PageDrift(Evidence, frozen=True, kw_only=True):
    """What the page says that no claim covers, and what it says no more."""

    source: str
    sentences: int
    uncovered: tuple[str, ...]
    vanished: tuple[Vanished, ...]

    def seen(self) -> int:
        """Sentences on the page."""
        return self.sentences
