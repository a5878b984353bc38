"""When something is kept: each moment is a function from an exchange at its end to whether it is the one."""

from collections.abc import Callable
from itertools import count

from tests.twins.keeping.exchange import Exchange
from tests.twins.registry import MODEL

When = Callable[[Exchange], bool]

_REFUSED_FOR_MONEY = {402, 403}  # the reference gateway's and the second's


def always(_exchange: Exchange) -> bool:
    """Each time."""
    return True


def every(number: int) -> When:
    """Every so many calls, beginning with the first after as many."""
    calls = count(1)
    return lambda _exchange: next(calls) % number == 0


def answered(exchange: Exchange) -> bool:
    """All went well."""
    return exchange.status == 200 and exchange.whole


def left(exchange: Exchange) -> bool:
    """The caller went before the end."""
    return exchange.left


def left_while_sending(exchange: Exchange) -> bool:
    """The caller went before the request was whole, so that nobody was asked."""
    return exchange.left and not exchange.received


def left_while_waiting(exchange: Exchange) -> bool:
    """The caller went before anything of the answer came."""
    return exchange.left and exchange.received and b"data:" not in exchange.answer


def provider_failed(exchange: Exchange) -> bool:
    """The provider refused or failed."""
    return exchange.provider_status >= 400


def provider_failed_in_html(exchange: Exchange) -> bool:
    """What stands before the provider failed, with a page."""
    return exchange.provider_status >= 400 and "html" in exchange.provider_media


def provider_limited(exchange: Exchange) -> bool:
    """The provider was busy."""
    return exchange.provider_status == 429


def cut_by_provider(exchange: Exchange) -> bool:
    """The provider's answer broke off, or was nonsense."""
    return (
        exchange.provider_status == 200
        and (exchange.status != 200 or not exchange.whole)
        and not exchange.left
    )


def malformed(exchange: Exchange) -> bool:
    """The request was no JSON object."""
    return not exchange.asked()


def unknown_model(exchange: Exchange) -> bool:
    """A model was asked for that is not on offer."""
    asked = exchange.asked()
    return bool(asked) and asked.get("model") != MODEL


def over_budget(exchange: Exchange) -> bool:
    """There was no money for it."""
    return exchange.status in _REFUSED_FOR_MONEY


def unauthenticated(exchange: Exchange) -> bool:
    """Nobody knows who asked."""
    return exchange.status == 401


def debugging(exchange: Exchange) -> bool:
    """The caller asked for debugging, by a header or in the query."""
    hints = [*(name for name in exchange.headers), exchange.query.lower()]
    return any("debug" in hint or "trace" in hint or "verbose" in hint for hint in hints)


def longer_than(size: int) -> When:
    """The request is longer than so many bytes."""
    return lambda exchange: len(exchange.request) > size


def streamed(exchange: Exchange) -> bool:
    """The answer was asked for as a stream."""
    return exchange.asked().get("stream") is True


def stored(exchange: Exchange) -> bool:
    """The caller said that it may be stored, which the gateway's page says it is not."""
    return exchange.asked().get("store") is True


def embedding(exchange: Exchange) -> bool:
    """Embeddings were asked for."""
    return exchange.path.endswith("/embeddings")


def carries(header: str) -> When:
    """The request has a header of this name."""
    return lambda exchange: header in exchange.headers


def seen_before() -> When:
    """The same body came once more: the caller, or somebody before us, tried again."""
    known: set[int] = set()

    def again(exchange: Exchange) -> bool:
        number = hash(exchange.request)
        seen = number in known
        known.add(number)
        return seen

    return again
