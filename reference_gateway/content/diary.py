"""The content plane's diary: a request's end goes to the ledger as enums and integers, and nowhere else."""

from reference_gateway.content.ledger_client import LedgerClient
from reference_gateway.events import Route
from reference_gateway.ledger.wire import STATUSES, Finished, paced


class LedgerDiary:
    """See `web.boundary.Diary`. Ids come from the ledger's epoch, so that they are no choice of this process."""

    def __init__(self, ledger: LedgerClient) -> None:
        self._ledger = ledger

    def begin(self) -> tuple[int, int]:
        """See `Diary`."""
        return self._ledger.next_request()

    def finish(self, number: int, _request_id: int, route: Route, status: int, milliseconds: int) -> None:
        """See `Diary`."""
        shown = status if status in STATUSES else 0
        self._ledger.finished(
            Finished(number=number, route=route, status=shown, milliseconds=paced(milliseconds))
        )

    def fault(self, _request_id: int | None = None) -> None:
        """A fault of ours shows as a status 500; one outside of any request gets a number of its own."""
        if _request_id is None:
            number, request_id = self.begin()
            self.finish(number, request_id, Route.UNKNOWN, 500, 0)
