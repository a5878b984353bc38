"""What of a caller is seen at the provider: its headers, its key, its address."""

import base64

from conformance.model.egress import Forwarding
from conformance.probes.forwarding import forwarding
from tests.probes.egress.conftest import Play
from tests.probes.egress.passing import Called, Passing


def _headers(seen: Forwarding) -> dict[str, tuple[str, ...]]:
    return {header.name: header.places for header in seen.headers}


def test_a_gateway_that_builds_its_own_requests_passes_no_header_on(play: Play[Forwarding]) -> None:
    seen = play(Passing(), forwarding)

    assert {"cookie", "x-forwarded-for", "cf-connecting-ip", "via", "traceparent"} <= _headers(seen).keys()
    assert not any(_headers(seen).values())
    assert seen.own_address
    assert (seen.key_sightings, seen.cookie_sightings, seen.address_sightings) == ((), (), ())
    assert (seen.seen_once, seen.prompts_unchanged, seen.answers_unchanged) == (6, 6, 6)


def _all_but_the_key(called: Called) -> dict[str, str]:
    own = {"host", "authorization", "content-length", "content-type", "accept-encoding", "connection"}
    return {name: value for name, value in called.headers.items() if name not in own}


def test_every_header_that_is_passed_on_is_named(play: Play[Forwarding]) -> None:
    seen = play(Passing(rule=_all_but_the_key), forwarding)

    assert all(places == (f"header {name}",) for name, places in _headers(seen).items())
    assert seen.cookie_sightings == ("header cookie",)
    assert "header true-client-ip" in seen.address_sightings
    assert not seen.key_sightings


def test_a_value_is_found_under_another_name_and_in_another_form(play: Play[Forwarding]) -> None:
    def rule(called: Called) -> dict[str, str]:
        trace = called.headers.get("traceparent", "--").split("-")[1]
        cookie = base64.b64encode(called.headers.get("cookie", "").encode()).decode()
        return {"x-trace": trace, "x-session": cookie, "x-key": called.key}

    seen = play(Passing(rule=rule), forwarding)

    assert _headers(seen)["traceparent"] == ("header x-trace",)
    assert seen.cookie_sightings == ("header x-session",)
    assert seen.key_sightings == ("header x-key",)
    assert not seen.address_sightings


def test_the_address_that_we_come_from_is_told_from_the_machines_own(play: Play[Forwarding]) -> None:
    seen = play(Passing(rule=lambda called: {"x-real-ip": called.peer}), forwarding)

    assert seen.own_address
    assert seen.address_sightings == ("header x-real-ip",)


def test_where_only_one_address_is_served_the_headers_are_seen_all_the_same(play: Play[Forwarding]) -> None:
    async def heard(called: Called) -> None:
        if called.peer != "127.0.0.1":
            raise ConnectionAbortedError

    seen = play(Passing(heard=heard, rule=_all_but_the_key), forwarding)

    assert _headers(seen)["via"] == ("header via",)
    assert not seen.own_address


def test_the_gateways_own_address_is_none_of_ours(play: Play[Forwarding]) -> None:
    seen = play(Passing(rule=lambda called: {"x-forwarded-for": "127.0.0.1"}), forwarding)

    assert not seen.address_sightings
