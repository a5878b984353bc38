"""The ways to present a key: none but the right one is the key, and each is what it says."""

import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.model.presented import NO_KEY
from conformance.probes.keys.presentations import Presentation, altered_in_the_middle, joined, presentations
from conformance.target import Auth

BEARER = Auth()
PLAIN = Auth(header="x-api-key", value="{key}")
SECRET = "sk-aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF"
KEYS = st.text(string.ascii_letters + string.digits + "-_", min_size=16, max_size=80).filter(str.strip)
AUTHS = st.sampled_from([BEARER, PLAIN, Auth(value="Token {key}")])


def ways(secret: str, auth: Auth = BEARER, how: str = "") -> list[Presentation]:
    """The presentations of a kind."""
    return [way for way in presentations(secret, "sk-invented-key-0000", auth) if how in ("", way.how)]


@given(KEYS.map(lambda key: f"sk-{key}"), AUTHS)
def test_nothing_altered_missing_or_carried_elsewhere_is_the_right_header(secret: str, auth: Auth) -> None:
    right = (auth.header.lower(), auth.value.replace("{key}", secret).encode())
    wrong = [way for way in ways(secret, auth) if way.how != "doubled"]

    assert all(right not in [(name.lower(), value) for name, value in way.fields] for way in wrong)
    assert len({(way.how, way.what) for way in wrong}) == len(wrong)


@pytest.mark.parametrize(
    ("secret", "left"),
    [
        ("sk-live-aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF", b"aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF"),
        ("gw_aB3dE6gH9jK2mN5p-Q8sT1vW4yZ7bC0eF", b"aB3dE6gH9jK2mN5p-Q8sT1vW4yZ7bC0eF"),
    ],
)
def test_a_prefix_is_left_out(secret: str, left: bytes) -> None:
    shown = [way.fields[0][1] for way in ways(secret, PLAIN, "altered")]

    assert shown[0:3].count(left) == 1


def test_a_key_without_marks_has_no_prefix_to_leave_out() -> None:
    secret = SECRET.replace("-", "")

    assert secret.encode() not in [way.fields[0][1] for way in ways(secret, PLAIN, "altered")]


def test_sql_is_asked_for_whatever_begins_alike() -> None:
    shown = [way.fields[0][1] for way in ways(SECRET, PLAIN, "altered")]

    assert SECRET[: len(SECRET) // 2].encode() + b"%" in shown


@given(KEYS.map(lambda key: f"sk-{key}"))
def test_a_key_altered_in_the_middle_is_another_of_the_same_letters(secret: str) -> None:
    other = altered_in_the_middle(secret)

    assert len(other) == len(secret)
    assert sum(a != b for a, b in zip(other, secret, strict=True)) == 1


@pytest.mark.parametrize("way", ways(SECRET, how="carrier"), ids=lambda way: way.what)
def test_a_carrier_holds_the_whole_key_and_no_header_for_it(way: Presentation) -> None:
    parts = [way.before, way.behind, *way.more.values(), *(value.decode() for _, value in way.fields)]

    assert any(SECRET in part for part in parts)
    assert "authorization" not in {name.lower() for name, _ in way.fields}


def test_where_no_scheme_is_expected_none_is_tried() -> None:
    assert ways(SECRET, PLAIN, "scheme") == []
    assert len(ways(SECRET, BEARER, "scheme")) == 4


def test_what_no_client_library_sends_is_known() -> None:
    odd = {way.what for way in ways(SECRET) if not way.plain()}

    assert odd == {
        "with a look-alike from Unicode",
        "with NUL and a character behind",
        "its first half, then NUL",
        "behind an invented one",
        "before an invented one",
    }


def test_no_key_at_all_is_nothing() -> None:
    (way,) = (way for way in ways(SECRET) if way.what == NO_KEY)

    assert (way.fields, way.before, way.behind, way.more) == ((), "", "", {})


def test_a_key_in_the_body_joins_what_is_there() -> None:
    assert json.loads(joined(b'{"model":"m"}', {"key": "k"})) == {"model": "m", "key": "k"}
    assert joined(b"untouched", {}) == b"untouched"


@pytest.mark.parametrize(
    ("way", "path"),
    [
        (Presentation(how="carrier", what="", behind="?key=k"), "/chat?v=1&key=k"),
        (Presentation(how="carrier", what="", behind="/k"), "/chat/k?v=1"),
        (Presentation(how="carrier", what="", before="/k"), "/k/chat?v=1"),
        (Presentation(how="altered", what=""), "/chat?v=1"),
    ],
)
def test_an_endpoint_keeps_its_own_query(way: Presentation, path: str) -> None:
    assert way.path("/chat?v=1") == path
