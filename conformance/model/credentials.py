"""What was seen of the gateway's own credentials, and of customers' keys where only processes show them. No secret is in here."""

from conformance.model.coverage import Coverage
from conformance.model.evidence import Evidence, Record
from conformance.model.storage import Sighting


class Told(Record, frozen=True, kw_only=True):
    """An answer that gave a credential away: whose, with which status, and how often."""

    what: str
    status: int
    times: int


class GatewayCredentials(Evidence, frozen=True, kw_only=True):
    """The provider's key and the admin credential, looked for in logs, usage records, arguments and answers.

    `processes` are texts that processes show of themselves, in which customers' keys were looked for, too.
    """

    sought: tuple[str, ...]
    surfaces: tuple[str, ...]  # locators searched
    coverage: Coverage
    sightings: tuple[Sighting, ...]
    answers: int  # listened to
    told: tuple[Told, ...]
    processes: int = 0

    def seen(self) -> int:
        """Bytes and answers searched."""
        return self.coverage.bytes_raw + self.answers
