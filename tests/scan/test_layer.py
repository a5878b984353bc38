"""Pieces of canaries that lie in whole ones say nothing of their own."""

from hypothesis import given
from hypothesis import strategies as st

from conformance.scan.layer import _outside
from conformance.scan.patterns import Fragment

_PLACES = st.integers(-30, 200)
_SPANS = st.lists(st.tuples(_PLACES, st.integers(0, 60)).map(lambda s: (s[0], s[0] + s[1])))


@given(st.lists(_PLACES), _SPANS)
def test_what_lies_outside_is_what_no_span_holds(places: list[int], spans: list[tuple[int, int]]) -> None:
    piece = Fragment.__new__(Fragment)
    pieces = [(place, piece) for place in places]

    outside = [place for place, _ in _outside(pieces, spans)]
    assert outside == [p for p in places if not any(begin <= p < end for begin, end in spans)]
