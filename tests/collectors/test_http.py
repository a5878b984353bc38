"""Endpoints are read whole, page by page, with a credential of their own, and never followed elsewhere."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.collectors.reading import accounted, read_surface
from conformance.collectors.streams import Item
from conformance.target import Auth, Secret, Surface
from tests.collectors.http_server import Desk, http_server
from tests.collectors.reads import read


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with http_server(tmp_path, Desk()) as serving:
        yield serving


def endpoint(desk: Desk, path: str, **more: object) -> Surface:
    fields = {"kind": "http", "locator": desk.url(path), "ca_file": "ca.pem"}
    return Surface(**(fields | more))  # type: ignore[arg-type]


def test_an_answer_is_read_whole(desk: Desk, tmp_path: Path) -> None:
    desk.answers["/spend"] = 200, b"x" * 3_000_000
    contents, missed = read(endpoint(desk, "/spend"), tmp_path)
    assert contents == {desk.url("/spend"): b"x" * 3_000_000}
    assert missed == {}


def test_pages_are_asked_for_until_one_repeats_or_is_missing(desk: Desk, tmp_path: Path) -> None:
    for number in (1, 2, 3):
        desk.answers[f"/logs?page={number}"] = 200, b"page %d" % number
        desk.answers[f"/ends?p={number}"] = 200, b"page %d" % min(number, 2)
    contents, missed = read(endpoint(desk, "/logs?page={page}"), tmp_path)
    assert [data for data in contents.values() if data] == [b"page 1", b"page 2", b"page 3"]
    assert missed == {}
    repeating, _ = read(endpoint(desk, "/ends?p={page}"), tmp_path)
    assert list(repeating.values()) == [b"page 1", b"page 2", b"page 2"]


def test_a_credential_is_shown_as_declared_and_stands_in_no_item(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("the token of the console")
    desk.answers["/spend"] = 200, b"rows"
    surface = endpoint(
        desk, "/spend", credential=Secret(file="token"), auth=Auth(header="x-console", value="key={key}")
    )
    items = list(read_surface(surface, tmp_path))
    assert [b"".join(item.open()) for item in items if isinstance(item, Item)] == [b"rows"]
    (asked,) = desk.asked
    assert asked[1]["x-console"] == "key=the token of the console"
    assert "the token" not in repr(items)


@pytest.mark.parametrize("status", [301, 401, 404, 500])
def test_what_is_no_success_is_a_gap(desk: Desk, tmp_path: Path, status: int) -> None:
    desk.answers["/spend"] = status, b"an error page"
    contents, missed = read(endpoint(desk, "/spend"), tmp_path)
    assert missed == {desk.url("/spend"): f"it answered {status}"}
    assert contents == {desk.url("/spend"): b""}


def test_a_certificate_that_nobody_vouches_for_is_a_gap(desk: Desk, tmp_path: Path) -> None:
    _, missed = read(endpoint(desk, "/spend", ca_file=""), tmp_path)
    assert missed == {desk.url("/spend"): "it could not be read to its end: ConnectError"}


def test_an_authority_or_credential_that_is_missing_is_told_without_asking(
    desk: Desk, tmp_path: Path
) -> None:
    _, missed = read(endpoint(desk, "/spend", ca_file="absent.pem"), tmp_path)
    assert missed == {desk.url("/spend"): "its `ca_file` cannot be used: FileNotFoundError"}
    _, unset = read(endpoint(desk, "/spend", credential=Secret(env="GATEPROOF_TEST_UNSET")), tmp_path)
    assert "GATEPROOF_TEST_UNSET is not set" in unset[desk.url("/spend")]
    assert desk.asked == []


def test_metrics_are_asked_for_with_their_exemplars(desk: Desk, tmp_path: Path) -> None:
    desk.answers["/stats"] = 200, b'calls_total 5 # {trace_id="abc"} 1\n# EOF\n'
    contents, _ = read(endpoint(desk, "/stats", kind="prometheus"), tmp_path)
    assert b"trace_id" in contents[desk.url("/stats")]
    assert desk.asked[0][1]["accept"].startswith("application/openmetrics-text")


def test_an_endpoint_accounts_for_connections_to_it(desk: Desk, tmp_path: Path) -> None:
    assert accounted(endpoint(desk, "/spend"), tmp_path).peers == (("localhost", desk.port),)
    plain = Surface(kind="http", locator="http://traces.example/api")
    assert accounted(plain, tmp_path).peers == (("traces.example", 80),)
