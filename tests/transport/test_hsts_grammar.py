"""RFC 6797, 6.1 as a table, and as properties."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.model.hsts import HstsError, HstsPolicy, parse_hsts

VALID = (
    ("max-age=31536000", HstsPolicy(max_age=31536000)),
    ("max-age=0", HstsPolicy(max_age=0)),
    (
        "max-age=63072000; includeSubDomains; preload",
        HstsPolicy(max_age=63072000, include_subdomains=True, preload=True),
    ),
    ("includeSubDomains; max-age=1", HstsPolicy(max_age=1, include_subdomains=True)),
    ('MAX-AGE="63072000"', HstsPolicy(max_age=63072000)),
    ("Max-Age=5;INCLUDESUBDOMAINS", HstsPolicy(max_age=5, include_subdomains=True)),
    ("max-age = 5 ; includeSubDomains", HstsPolicy(max_age=5, include_subdomains=True)),
    ("  max-age=5\t", HstsPolicy(max_age=5)),
    ("max-age=5;", HstsPolicy(max_age=5)),
    (";; max-age=5 ;;", HstsPolicy(max_age=5)),
    ("max-age=5; report-uri", HstsPolicy(max_age=5, unknown=("report-uri",))),
    ('max-age=5; x="a;b, c"', HstsPolicy(max_age=5, unknown=("x",))),
    ('max-age=5; x="a\\"b"', HstsPolicy(max_age=5, unknown=("x",))),
    ('max-age=5; x=""', HstsPolicy(max_age=5, unknown=("x",))),
    ("max-age=0005", HstsPolicy(max_age=5)),
)
INVALID = (
    "",
    ";",
    "includeSubDomains",
    "max-age",
    "max-age=",
    'max-age=""',
    "max-age 31536000",
    "max-age:31536000",
    "max-age=-1",
    "max-age=+5",
    "max-age=1.5",
    "max-age=1y",
    "max-age=31536000s",
    "max-age=five",
    'max-age="5',
    "max-age='5'",
    "max-age=5, includeSubDomains",
    "max-age=5 includeSubDomains",
    "max-age=5; max-age=5",
    "max-age=5; MAX-AGE=6",
    "max-age=5; includeSubDomains; includesubdomains",
    "max-age=5; includeSubDomains=true",
    "max-age=5; =x",
    "max-age=5; x=a b",
    "max-age==5",
    "max-age=5; x\x00",
    "max-age=\u0665",
    "max-age=5; größe",
)


@pytest.mark.parametrize(("value", "policy"), VALID)
def test_a_conforming_field_is_read(value: str, policy: HstsPolicy) -> None:
    assert parse_hsts(value) == policy


@pytest.mark.parametrize("value", INVALID)
def test_a_field_that_browsers_must_ignore_is_invalid(value: str) -> None:
    with pytest.raises(HstsError):
        parse_hsts(value)


def test_an_absurdly_long_number_is_read_in_bounded_time() -> None:
    assert parse_hsts("max-age=" + "9" * 100_000).max_age >= 10**17


def test_preload_needs_all_three() -> None:
    assert parse_hsts("max-age=31536000; includeSubDomains; preload").preloadable()
    assert not parse_hsts("max-age=31535999; includeSubDomains; preload").preloadable()
    assert not parse_hsts("max-age=31536000; preload").preloadable()


@given(
    st.integers(0, 10**12),
    st.permutations(["includeSubDomains", "preload", "x=y", ""]),
    st.sampled_from([";", " ; ", ";\t"]),
)
def test_order_and_blanks_do_not_matter(age: int, others: list[str], between: str) -> None:
    policy = parse_hsts(between.join([*others[:2], f"max-age={age}", *others[2:]]))

    assert policy == HstsPolicy(max_age=age, include_subdomains=True, preload=True, unknown=("x",))


@given(st.text(max_size=60))
def test_anything_is_read_or_invalid(value: str) -> None:
    with contextlib.suppress(HstsError):
        assert parse_hsts(value).max_age >= 0
