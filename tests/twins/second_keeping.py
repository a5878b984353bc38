"""The second gateway that keeps content in each of the ways, and in many at once."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPResponse
from typing import ClassVar

from tests.hosts.second_config import Config
from tests.hosts.second_gateway import SecondGateway
from tests.hosts.second_http import Answer, Call, Client, Ending, RefusalError
from tests.hosts.second_order import CHAT
from tests.hosts.second_upstream import Provider
from tests.twins import registry
from tests.twins.keeping.entering import enter
from tests.twins.keeping.exchange import Exchange
from tests.twins.keeping.pages import Page
from tests.twins.keeping.way import NO_CONTENT, Begin
from tests.twins.places import ABOUT


class Hearing(SecondGateway):
    """What goes by is put together to exchanges, each told at its end."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._under_way: dict[str, Exchange] = {}

    def told(self, exchange: Exchange) -> None:
        """An exchange came to its end."""

    def on_provider_head(self, call: Call, status: int, media: str) -> None:
        exchange = self._of(call)
        exchange.provider_status, exchange.provider_media = status, media

    def on_answer(self, call: Call, data: bytes) -> None:
        self._of(call).provider_answer += data

    def on_provider_error(self, call: Call, data: bytes) -> None:
        self._of(call).provider_answer += data

    def on_sent(self, call: Call, data: bytes) -> None:
        self._of(call).answer += data

    def on_end(self, call: Call, status: int, ending: Ending) -> None:
        exchange = self._of(call)
        exchange.request, exchange.status = call.body, status
        exchange.received = f"{len(call.body)}" == exchange.headers.get("content-length", "0")
        exchange.whole, exchange.left = ending == "whole", ending == "left"
        del self._under_way[call.id]
        self.told(exchange)

    def _of(self, call: Call) -> Exchange:
        if call.id not in self._under_way:
            headers = {name.lower(): value for name, value in call.headers.items()}
            begun = Exchange(
                path=call.path,
                headers=headers,
                id=call.id,
                key=self.token_of(call.bearer),
                query=call.raw_query,
            )
            self._under_way[call.id] = begun
        return self._under_way[call.id]


class Keeping(Hearing):
    """Every exchange is told to what begins in the state folder."""

    begin: ClassVar[Begin]

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._tell = type(self).begin(self.state)

    def told(self, exchange: Exchange) -> None:
        self._tell(exchange)


class Showing(Hearing):
    """A path that anybody may ask for."""

    page: ClassVar[Page]

    def told(self, exchange: Exchange) -> None:
        self.page.tell(exchange)

    def handle(self, call: Call, client: Client) -> Answer | None:
        return Answer(200, self.page.body()) if call.path == self.page.path else super().handle(call, client)


@registry.variant("passes-on-what-providers-say", host="second", about=ABOUT)
class PassesOnWhatProvidersSay(Hearing):
    """A provider's refusal, in which the prompt may be repeated, goes to the caller word for word and nowhere else."""

    def handle(self, call: Call, client: Client) -> Answer | None:
        try:
            return super().handle(call, client)
        except RefusalError as refusal:
            exchange = self._of(call)
            if exchange.provider_status < 400:
                raise
            return Answer(refusal.status, exchange.provider_answer)


class _Patient(Provider):
    """Asked once more where it failed; `failed` is told what with."""

    def __init__(self, config: Config, failed: Callable[[bytes], None]) -> None:
        super().__init__(config.upstream_url, config.upstream_ca, config.upstream_timeout)
        self._failed = failed

    @contextmanager
    def asked(
        self,
        owner: str,
        payload: bytes,
        headers: Mapping[str, str],
        may_send: Callable[[], bool],
        path: str = CHAT,
    ) -> Iterator[HTTPResponse]:
        with super().asked(owner, payload, headers, may_send, path) as answer:
            if answer.status < 500:
                yield answer
                return
        self._failed(payload)
        with super().asked(owner, payload, headers, may_send, path) as answer:
            yield answer


@registry.variant("tries-again-once", host="second", about=(*ABOUT, "S1"))
class TriesAgainOnce(SecondGateway):
    """A provider that failed is asked once more, as many gateways do; what failed was free."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.provider = _Patient(config, self.on_retry)

    def on_retry(self, payload: bytes) -> None:
        """What failed is sent again."""


@registry.twin("logs-what-it-tries-again", host="second", fails={NO_CONTENT})
class LogsWhatItTriesAgain(TriesAgainOnce):
    """The first copy is written down, to find out what was wrong with it."""

    def on_retry(self, payload: bytes) -> None:
        with (self.state / "gateway.log").open("ab") as file:
            file.write(b"level=warning msg=retry payload=" + payload + b"\n")


def _keeping(begin: Begin) -> type[Keeping]:
    return type("Keeping", (Keeping,), {"begin": staticmethod(begin)})


def _showing(page: Page) -> type[Showing]:
    return type("Showing", (Showing,), {"page": page})


enter("second", _keeping, _showing, state="state/")
