"""Z1 and Z2 by what processes use: hits first, then what was sent, then whether the looks were at the right processes."""

from typing import Any

import pytest

from conformance.checks.places import (
    every_peer_is_declared,
    every_place_written_to_is_declared,
    places_in_use_hold_no_content,
)
from conformance.model.campaign import Campaign
from conformance.model.coverage import Coverage, Gap
from conformance.model.discovery import GatewayProcess, Output, Peer, PlacesInUse, UsedPlace
from conformance.model.evidence import Unobserved
from tests.checks.made import word
from tests.checks.test_retention import NOT_RUN, campaign, sighting

WITNESS = Peer(
    transport="tcp", address="127.0.0.1:9443", by="gw", who="gateproof", declared="the witness", looks=9
)


def peer(declared: str = "") -> Peer:
    return Peer(transport="tcp", address="10.0.0.9:443", by="gw", who="", declared=declared, looks=1)


def place(declared: str = "", *, written: bool = True, by: str = "gw", content: bool = False) -> UsedPlace:
    return UsedPlace(
        path="/srv/state/a",
        kind="file",
        by=by,
        content=content,
        how="open for writing",
        declared=declared,
        written=written,
        bytes=5,
    )


def places(*used: UsedPlace, peers: tuple[Peer, ...] = (WITNESS,), gaps: int = 0, **more: Any) -> PlacesInUse:
    """Nine looks at one process that talks to the witness and writes to its declared log."""
    fields: dict[str, Any] = {
        "processes": (GatewayProcess(pid=7, name="gw", why="declared by its id"),), "looks": 9, "seconds": 3.0,
        "searched": 100,
    }  # fmt: skip
    return PlacesInUse(
        places=(place("log"), *used),
        peers=peers,
        coverage=Coverage(bytes_raw=10, gaps=(Gap(item="/srv/b", reason="permission denied"),) * gaps),
        **(fields | more),
    )


BLIND = places(peers=(), looks=0, processes=())


@pytest.mark.parametrize(
    ("seen", "sent", "verdict"),
    [
        (places(), campaign(), "pass"),
        # A sighting stands whatever else is missing; what surrounds content is none.
        (places(sightings=(sighting("user"),)), campaign(), "fail"),
        (places(sightings=(sighting("user"),), peers=(), gaps=1), NOT_RUN, "fail"),
        (places(sightings=(sighting(None),)), campaign(), "fail"),
        (places(sightings=(sighting("query"),)), campaign(), "pass"),
        # Another check's finding.
        (places(place()), campaign(), "pass"),
        (places(peers=(peer(), WITNESS)), campaign(), "pass"),
        # Without content sent, without sight, without all of it: nothing is concluded.
        (places(), NOT_RUN, "inconclusive"),
        (places(), campaign(counted=0), "inconclusive"),
        (places(searched=0), campaign(), "inconclusive"),
        (places(gaps=1), campaign(), "inconclusive"),
        (BLIND, campaign(), "inconclusive"),
    ],
)
def test_content_in_places_in_use(seen: PlacesInUse, sent: Campaign | Unobserved, verdict: str) -> None:
    assert word(places_in_use_hold_no_content(seen, sent)) == verdict


@pytest.mark.parametrize(
    ("seen", "sent", "verdict"),
    [
        (places(), campaign(), "pass"),
        (places(place()), campaign(), "fail"),
        (places(place()), NOT_RUN, "fail"),
        (places(place(written=False)), campaign(), "pass"),
        (places(place("state/*.log")), campaign(), "pass"),
        # Nobody was seen to write it: its content says who did, and without any that is open.
        (places(place(by="")), campaign(), "inconclusive"),
        (places(place(by="", content=True)), campaign(), "fail"),
        (places(place(by="", written=False)), campaign(), "pass"),
        (
            places(outputs=(Output(what="pipe", by="gw", to="rotatelogs", accounted=""),)),
            campaign(),
            "inconclusive",
        ),
        (
            places(outputs=(Output(what="pipe", by="gw", to="journald", accounted="local"),)),
            campaign(),
            "pass",
        ),
        (places(), NOT_RUN, "inconclusive"),
        (BLIND, campaign(), "inconclusive"),
    ],
)
def test_places_written_to(seen: PlacesInUse, sent: Campaign | Unobserved, verdict: str) -> None:
    assert word(every_place_written_to_is_declared(seen, sent)) == verdict


@pytest.mark.parametrize(
    ("seen", "sent", "verdict"),
    [
        (places(), campaign(), "pass"),
        (places(peers=(peer(), WITNESS)), campaign(), "fail"),
        (places(peers=(peer(),)), NOT_RUN, "fail"),
        (places(peers=(peer("processes.peers"), WITNESS)), campaign(), "pass"),
        (places(loose=("0.0.0.0:40001",)), campaign(), "inconclusive"),
        (places(peers=()), campaign(), "inconclusive"),
        (places(), NOT_RUN, "inconclusive"),
        (places(place()), campaign(), "pass"),
    ],
)
def test_peers(seen: PlacesInUse, sent: Campaign | Unobserved, verdict: str) -> None:
    assert word(every_peer_is_declared(seen, sent)) == verdict


def test_findings_name_what_where_and_who() -> None:
    written = every_place_written_to_is_declared(places(place()), campaign())
    talked = every_peer_is_declared(places(peers=(peer(), WITNESS)), campaign())

    assert "/srv/state/a (5 bytes, open for writing by gw)" in getattr(written, "observed", "")
    assert "tcp 10.0.0.9:443 by gw" in getattr(talked, "observed", "")
