"""Listening to every answer of the target for what no answer may hold."""

from collections import Counter
from collections.abc import Iterable, Mapping

_LEAST = 12  # characters; a shorter secret stands in any text by chance


class Overheard:
    """Counts answers, and those that hold one of the secrets it listens for."""

    def __init__(self) -> None:
        self.answers = 0
        self.found: Counter[tuple[str, int]] = Counter()  # by what was heard, and the status
        self._secrets: dict[str, bytes] = {}

    def listen(self, secrets: Mapping[str, str | None]) -> None:
        """Listen for these from now on, by what they are; what is None or short is passed over."""
        self._secrets |= {
            what: secret.encode() for what, secret in secrets.items() if secret and len(secret) >= _LEAST
        }

    def note(self, status: int, headers: Iterable[tuple[str, str]], body: bytes) -> None:
        """One answer."""
        self.answers += 1
        if not self._secrets:
            return
        head = "\n".join(value for _, value in headers).encode("latin-1", "replace")
        for what, secret in self._secrets.items():
            if secret in body or secret in head:
                self.found[what, status] += 1
