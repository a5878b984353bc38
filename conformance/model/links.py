"""Where answers over TLS lead: redirects, links to the gateway itself, and announcements of other ways to reach it."""

from conformance.model.evidence import Evidence, Record


class LinkedAnswer(Record, frozen=True, kw_only=True):
    """One answer over TLS. `location` is its redirect; `clear` are links in its body that lead to the gateway without TLS;
    `http3` says what Alt-Svc announces for HTTP/3. `status` is 0 where none came.
    """

    url: str
    address: str
    path: str
    status: int = 0
    location: str = ""
    links: int = 0  # absolute links of any kind in the body
    clear: tuple[str, ...] = ()
    http3: str = ""
    trouble: str = ""


class Links(Evidence, frozen=True, kw_only=True):
    """What was read at every base URL and address."""

    answers: tuple[LinkedAnswer, ...]
    unresolved: tuple[str, ...] = ()

    def seen(self) -> int:
        """How many answers came."""
        return sum(answer.status > 0 for answer in self.answers)

    def http3(self) -> tuple[str, ...]:
        """What is announced for HTTP/3, each once."""
        return tuple(dict.fromkeys(answer.http3 for answer in self.answers if answer.http3))
