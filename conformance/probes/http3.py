"""HTTP/3, where Alt-Svc or an HTTPS record announces it: the same field on another road, which another server may answer.

The library is optional; without it an announcement is all that is known. QUIC is TLS 1.3 by definition (RFC 9001, 4.2), so of
its handshake only the certificate is looked at.
"""

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from conformance.catalogue import Cost, Phase, observes
from conformance.model.dns_records import DnsRecords
from conformance.model.http3 import Http3
from conformance.model.links import LinkedAnswer, Links
from conformance.model.scale import Disruption, Level
from conformance.model.transport import HstsAnswer
from conformance.probes.tls.census import addresses
from conformance.session import Session
from conformance.target import Target

_FIELD = b"strict-transport-security"
_ELSEWHERE = "/gateproof/no/such/path"
_WHERE = re.compile(r'h3(?:-[0-9]+)?="(?P<host>[^":]*):(?P<port>[0-9]{1,5})"')


def _cost(target: Target, sample: int) -> Cost:
    return Cost(requests=3 * len(target.content_urls()), seconds=target.limits.timeout)


@observes(
    phase=Phase.OUTSIDE,
    level=Level.OUTSIDE,
    disruption=Disruption.ACTIVE_SAFE,
    cost=_cost,
    after=(Links, DnsRecords),
)
async def http3(session: Session) -> Http3:
    """HTTP/3, where it is announced."""
    links = session.gathered.get(Links)
    records = session.gathered.get(DnsRecords)
    recorded = await _recorded(session.target, records) if isinstance(records, DnsRecords) else {}
    told = (recorded | _announcements(links.answers if isinstance(links, Links) else ())).values()
    if not told:
        return Http3()
    asked = await asyncio.gather(*(_ask(session, announcement) for announcement in told))
    return Http3(
        announced=tuple(dict.fromkeys(announcement.text for announcement in told)),
        answers=tuple(answer for answers, _ in asked for answer in answers),
        troubles=tuple(trouble for _, trouble in asked if trouble),
    )


@dataclass(frozen=True, slots=True)
class _Announcement:
    """Where HTTP/3 is said to be spoken for a base URL."""

    text: str
    url: str
    address: str
    port: int


_Announcements = dict[tuple[str, str, int], _Announcement]  # by base URL, address and port


def _announcements(answers: Iterable[LinkedAnswer]) -> _Announcements:
    """Each place once. An alternative on another host is another host's matter."""
    found: _Announcements = {}
    for answer in answers:
        where = _WHERE.fullmatch(answer.http3)
        if where and where["host"] in {"", urlsplit(answer.url).hostname}:
            port = int(where["port"])
            found[answer.url, answer.address, port] = _Announcement(
                answer.http3, answer.url, answer.address, port
            )
    return found


async def _recorded(target: Target, records: DnsRecords) -> _Announcements:
    """What HTTPS records promise of the hosts themselves, at each of their addresses (RFC 9460, 7.1)."""
    found: _Announcements = {}
    for url in target.content_urls():
        host, port = urlsplit(url).hostname or "", urlsplit(url).port or 443
        for one in (one for one in records.hosts if one.host == host):
            for binding in one.bindings:
                if "h3" not in binding.protocols or binding.target not in {"", host}:
                    continue
                at = binding.port or port
                text = f'an HTTPS record of {host}: h3=":{at}"'
                found |= {
                    (url, address, at): _Announcement(text, url, address, at)
                    for address in await addresses(target, host)
                }
    return found


async def _ask(session: Session, where: _Announcement) -> tuple[tuple[HstsAnswer, ...], str]:
    """The answers to a few requests, and why there are none."""
    try:
        from conformance.quic import get_all
    except ImportError:
        return (), f"{where.text}: asking needs `pip install gateproof[http3]`"
    host = urlsplit(where.url).hostname or ""
    models = session.target.endpoint("models") or "/"
    paths = tuple(dict.fromkeys((models, "/", _ELSEWHERE)))
    authority = session.base / session.target.gateway.ca_file if session.target.gateway.ca_file else None
    async with session.meter.connections:
        await session.meter.admit(requests=len(paths))
        try:
            async with asyncio.timeout(session.target.limits.timeout):
                heard = await get_all(where.address, where.port, host, authority, paths)
        except (OSError, TimeoutError) as trouble:
            return (), f"{where.text} at {where.address}: {str(trouble) or 'no answer in time'}"
    return tuple(_described(where, path, headers) for path, headers in heard.items()), ""


def _described(where: _Announcement, path: str, headers: tuple[tuple[bytes, bytes], ...]) -> HstsAnswer:
    status = next((value for name, value in headers if name == b":status"), b"0")
    return HstsAnswer(
        url=where.url,
        address=where.address,
        wanted="http3",
        request=f"GET {path} over HTTP/3",
        reached=True,
        status=int(status) if status.isdigit() else 0,
        fields=tuple(value.decode("latin-1")[:1000] for name, value in headers if name.lower() == _FIELD),
    )
