"""Records of hosts, asked of a name server that speaks real UDP."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.asyncresolver
import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from conformance.checks.transport.authorities import authority_norms
from conformance.model.dns_records import DnsRecords, HostRecords, ServiceBinding
from conformance.model.http3 import Http3
from conformance.probes.dns_records import dns_records, records_of
from conformance.probes.http3 import http3
from tests.transport import deployments as d
from tests.transport.sessions import session, target

HOST = "api.gateway.example.org"
ZONE = {
    (HOST, "HTTPS"): ('1 . alpn="h3,h2" port="8443"', "2 elsewhere.example.org. alpn=h2"),
    ("alias.example.org", "HTTPS"): ("0 api.gateway.example.org.",),
    ("example.org", "CAA"): ('0 issue "authority.example; policy=ev"', '0 iodef "mailto:x@example.org"'),
    ("nobody.example.org", "CAA"): ('0 issue ";"',),
}


@contextmanager
def _name_server(zone: dict[tuple[str, str], tuple[str, ...]]) -> Iterator[int]:
    """A port on which questions are answered from a zone; what it does not know is NXDOMAIN, and `broken.…` a failure."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as served:
        served.bind(("127.0.0.1", 0))
        answering = threading.Thread(target=_answer_all, args=(served, zone))
        answering.start()
        try:
            yield served.getsockname()[1]
        finally:
            served.sendto(b"", served.getsockname())
            answering.join()


def _answer_all(served: socket.socket, zone: dict[tuple[str, str], tuple[str, ...]]) -> None:
    while True:
        data, sender = served.recvfrom(4096)
        if not data:
            return
        served.sendto(_answer(dns.message.from_wire(data), zone).to_wire(), sender)


def _answer(
    question: dns.message.Message, zone: dict[tuple[str, str], tuple[str, ...]]
) -> dns.message.Message:
    answer = dns.message.make_response(question)
    answer.flags |= dns.flags.RA
    asked = question.question[0]
    name, kind = asked.name.to_text().rstrip("."), asked.rdtype.name
    if name.startswith("broken."):
        answer.set_rcode(dns.rcode.SERVFAIL)
    elif found := zone.get((name, kind)):
        answer.answer.append(dns.rrset.from_text(name + ".", 60, "IN", kind, *found))
    elif not any(name == known for known, _ in zone):
        answer.set_rcode(dns.rcode.NXDOMAIN)
    return answer


def _records(*hosts: str) -> tuple[HostRecords, ...]:
    with _name_server(ZONE) as port:
        resolver = dns.asyncresolver.Resolver(configure=False)
        resolver.nameservers, resolver.port, resolver.lifetime = ["127.0.0.1"], port, 3.0
        return asyncio.run(records_of(hosts, resolver))


def test_records_say_where_else_a_host_answers_and_who_may_vouch_for_it() -> None:
    (found,) = _records(HOST)

    assert found == HostRecords(
        host=HOST,
        bindings=(
            ServiceBinding(priority=1, port=8443, protocols=("h3", "h2")),
            ServiceBinding(priority=2, target="elsewhere.example.org", protocols=("h2",)),
        ),
        caa_at="example.org",
        authorised=(("iodef", "mailto:x@example.org"), ("issue", "authority.example; policy=ev")),
    )


@pytest.mark.parametrize(
    ("host", "told"),
    [
        (HOST, "certificates by authority.example (CAA at example.org)"),
        ("nobody.example.org", "certificates by nobody (CAA at nobody.example.org)"),
        ("www.elsewhere.net", "no CAA record: any authority may issue a certificate"),
    ],
)
def test_the_closest_set_holds(host: str, told: str) -> None:
    (norm,) = authority_norms(DnsRecords(hosts=_records(host)))

    assert norm.note == f"{host}: {told}"


def test_an_alias_binds_nothing_and_a_failure_is_told() -> None:
    alias, broken = _records("alias.example.org", "broken.example.org")

    assert (alias.bindings, alias.trouble) == ((), "")
    assert "SERVFAIL" in broken.trouble
    assert authority_norms(DnsRecords(hosts=(broken,))) == ()


def test_names_that_are_pinned_or_nobodys_are_not_asked_about(
    certificates: d.Certificates, tmp_path: Path
) -> None:
    hosts = ("localhost", "127.0.0.1", "gateway.test", "pinned.example.org")
    the_target = target(
        *(f"https://{host}" for host in hosts), resolve={"pinned.example.org": ("127.0.0.1",)}
    )
    one = session(the_target, certificates, tmp_path)

    async def observe() -> DnsRecords:
        try:
            return await dns_records(one)
        finally:
            await one.door.close()
            one.journal.close()

    seen = asyncio.run(observe())

    assert (seen.hosts, seen.left_out, seen.seen()) == ((), hosts, 0)


def test_http3_is_tried_where_a_record_announces_it(certificates: d.Certificates, tmp_path: Path) -> None:
    one = session(target("https://localhost"), certificates, tmp_path)
    bindings = (
        ServiceBinding(priority=1, port=9, protocols=("h3",)),
        ServiceBinding(priority=2, target="elsewhere.example", protocols=("h3",)),
        ServiceBinding(priority=3, port=8443, protocols=("h2",)),
    )
    one.gathered[DnsRecords] = DnsRecords(hosts=(HostRecords(host="localhost", bindings=bindings),))

    async def observe() -> Http3:
        try:
            return await http3(one)
        finally:
            await one.door.close()
            one.journal.close()

    seen = asyncio.run(observe())

    assert seen.announced == ('an HTTPS record of localhost: h3=":9"',)
    assert len(seen.troubles) == 1
