"""What HTTP/3 says where it is announced."""

from conformance.model.evidence import Evidence
from conformance.model.transport import HstsAnswer


class Http3(Evidence, frozen=True, kw_only=True):
    """Answers over QUIC at every place that announces it (RFC 9114, 3.1). `troubles` say where it was announced and not
    reached, and why.
    """

    announced: tuple[str, ...] = ()
    answers: tuple[HstsAnswer, ...] = ()
    troubles: tuple[str, ...] = ()

    def seen(self) -> int:
        """How many answers came; where nothing is announced, that one fact."""
        return len(self.answers) if self.announced else 1
