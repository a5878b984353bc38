"""Do answers over TLS lead back to clear text? Redirects, links in bodies, servers of an OpenAPI document; and HTTP/3."""

import asyncio
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from conformance.catalogue import Cost, Phase, observes
from conformance.model.evidence import CannotObserve
from conformance.model.links import LinkedAnswer, Links
from conformance.model.scale import Disruption, Fault, Level
from conformance.probes.raw_http import Spoken, request, speak_in_turn
from conformance.probes.tls.census import addresses, is_literal, known_addresses
from conformance.session import Session
from conformance.target import Target

# A front page, a slash too many, and where descriptions of an API usually are.
_PATHS = ("/", "{models}", "{models}/", "/openapi.json", "/docs")
_TRIES = 2
_LINK = re.compile(
    rb"\b(https?|wss?):\\?/\\?/([A-Za-z0-9.\-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::([0-9]{1,5}))?",
    re.IGNORECASE,
)
_HTTP3 = re.compile(r'(?:^|,)\s*(h3(?:-[0-9]+)?="[^"]{0,100}")')
_CLEAR = {b"http": 80, b"ws": 80}
_SHOWN = 5


def _cost(target: Target, sample: int) -> Cost:
    places = known_addresses(target, (urlsplit(url).hostname or "" for url in target.content_urls()))
    return Cost(requests=_TRIES * len(_PATHS) * places, seconds=5.0)


@observes(phase=Phase.OUTSIDE, level=Level.OUTSIDE, disruption=Disruption.ACTIVE_SAFE, cost=_cost)
async def links(session: Session) -> Links:
    """Where answers over TLS lead."""
    urls = [url for url in session.target.content_urls() if url.startswith("https:")]
    hosts = {url: urlsplit(url).hostname or "" for url in urls}
    found = {host: await addresses(session.target, host) for host in dict.fromkeys(hosts.values())}
    places = [(url, address) for url, host in hosts.items() for address in found[host]]
    if not places:
        raise CannotObserve(
            "no base URL with TLS has an address",
            fault=Fault.OPERATOR,
            decide="correct `gateway.base_urls`, or name the addresses in `gateway.resolve`",
        )
    ours = frozenset(_authority(urlsplit(url).hostname or "", urlsplit(url).port or 443) for url in urls)
    answers = await asyncio.gather(*(_looked(session, url, address, ours) for url, address in places))
    return Links(
        answers=tuple(answer for some in answers for answer in some),
        unresolved=tuple(host for host in found if not found[host]),
    )


async def _looked(session: Session, url: str, address: str, ours: frozenset[str]) -> tuple[LinkedAnswer, ...]:
    models = session.target.endpoint("models") or "/v1/models"
    left = list(dict.fromkeys(path.replace("{models}", models) for path in _PATHS))
    found: dict[str, LinkedAnswer] = {}
    for _ in range(_TRIES):
        spoken = await _in_turn(session, url, address, left)
        found |= {
            path: _read(url, address, path, told, ours) for path, told in zip(left, spoken, strict=True)
        }
        left = [path for path in left if not found[path].status]
    return tuple(found.values())


async def _in_turn(session: Session, url: str, address: str, paths: list[str]) -> list[Spoken]:
    if not paths:
        return []
    parts = urlsplit(url)
    async with session.meter.connections:
        await session.meter.admit(requests=len(paths))
        return await speak_in_turn(
            address,
            parts.port or 443,
            host=parts.hostname or "",
            trust=session.trust,
            requests=[request("GET", url, path) for path in paths],
            wait=session.target.limits.timeout,
        )


def _read(url: str, address: str, path: str, told: Spoken, ours: frozenset[str]) -> LinkedAnswer:
    answer = told.answer
    if answer is None:
        return LinkedAnswer(url=url, address=address, path=path, trouble=told.trouble)
    count, clear = clear_links(answer.body, ours)
    announced = (match[1] for value in answer.values("alt-svc") if (match := _HTTP3.search(value)))
    return LinkedAnswer(
        url=url,
        address=address,
        path=path,
        status=answer.status,
        location="".join(answer.values("location")[:1])[:500] if 300 <= answer.status < 400 else "",
        links=count,
        clear=clear,
        http3=next(announced, ""),
    )


def clear_links(body: bytes, ours: Iterable[str]) -> tuple[int, tuple[str, ...]]:
    """How many absolute links a body has, and those that lead to one of our authorities without TLS.

    A link without a port leads to port 80 of its host: of a name that is ours, not of an address or of localhost, which in
    documentation stand for the reader's own machine.
    """
    ours = frozenset(ours)
    named = {one.rpartition(":")[0] for one in ours}
    count, found = 0, list[str]()
    for scheme, raw, port in _LINK.findall(body):
        count += 1
        host = raw.decode("ascii").strip("[]").lower()
        if scheme.lower() not in _CLEAR:
            continue
        own = _authority(host, int(port)) in ours if port else host in named and not _anybody(host)
        if own:
            found.append(f"{scheme.decode().lower()}://{host}{':' + port.decode() if port else ''}")
    return count, tuple(dict.fromkeys(found))[:_SHOWN]


def _authority(host: str, port: int) -> str:
    return f"{host.lower()}:{port}"


def _anybody(host: str) -> bool:
    return is_literal(host) or host == "localhost"
