"""Links that lead back to clear text, found in bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.checks.transport.links import answers_lead_to_https_only
from conformance.model.links import LinkedAnswer, Links
from conformance.model.verdict import Fail, Inconclusive, Pass
from conformance.probes.links import clear_links

OURS = ("api.example:443", "localhost:8443", "127.0.0.1:8443")


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b'{"servers":[{"url":"http://api.example/v1"}]}', ("http://api.example",)),
        (b'{"servers":[{"url":"http:\\/\\/api.example:443\\/v1"}]}', ("http://api.example:443",)),
        (b"connect to ws://API.example/realtime", ("ws://api.example",)),
        (b'<a href="http://127.0.0.1:8443/docs">', ("http://127.0.0.1:8443",)),
        (b"https://api.example/v1 wss://api.example", ()),
        (b"http://api.example.evil.test/ http://other.test/", ()),
        (b"http://api.example:8080/", ()),
        # What stands for the reader's own machine is nobody's address.
        (b"curl http://localhost/ http://127.0.0.1/ http://localhost:4000", ()),
        (b"http://schemas.example/1999/xhtml", ()),
        (b"", ()),
    ],
)
def test_only_links_to_the_gateway_without_tls_are_found(body: bytes, found: tuple[str, ...]) -> None:
    assert clear_links(body, OURS)[1] == found


@given(before=st.binary(max_size=60), after=st.binary(max_size=60))
def test_a_link_is_found_whatever_stands_around_it(before: bytes, after: bytes) -> None:
    body = before + b' "http://api.example/v1" ' + after

    count, found = clear_links(body, OURS)

    assert count >= 1
    assert "http://api.example" in found


def answer(**more: object) -> LinkedAnswer:
    fields = {"url": "https://api.example", "address": "192.0.2.1", "path": "/", "status": 200}
    return LinkedAnswer(**(fields | more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "verdict"),
    [
        (answer(), Pass),
        (answer(status=301, location="https://api.example/v1"), Pass),
        (answer(status=301, location="/v1"), Pass),
        (answer(status=301, location="http://api.example/v1"), Fail),
        (answer(status=301, location="HTTP://elsewhere.test/"), Fail),
        (answer(clear=("http://api.example",)), Fail),
        (answer(status=0, trouble="closed"), Inconclusive),
        (answer(http3='h3=":443"'), Pass),
    ],
)
def test_where_answers_lead_decides(one: LinkedAnswer, verdict: type) -> None:
    assert type(answers_lead_to_https_only(Links(answers=(answer(path="/v1"), one)))) is verdict


def test_nothing_read_passes_nothing() -> None:
    assert isinstance(answers_lead_to_https_only(Links(answers=())), Inconclusive)
    assert isinstance(
        answers_lead_to_https_only(Links(answers=(answer(),), unresolved=("other.example",))), Inconclusive
    )


def test_an_announcement_of_http3_is_a_note() -> None:
    verdict = answers_lead_to_https_only(Links(answers=(answer(http3='h3=":443"'),)))

    assert 'h3=":443"' in verdict.norm[0].note
