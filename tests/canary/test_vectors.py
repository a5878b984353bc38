"""Canaries as embeddings."""

import json
import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.canary.mint import INDICES, Mint
from conformance.canary.vectors import DIMENSIONS, MARKER_BITS, PAYLOAD_BITS, forms, payload_of, vector

KEY = b"a run key of the test"
markers = st.integers(0, (1 << MARKER_BITS) - 1)
payloads = st.integers(0, (1 << PAYLOAD_BITS) - 1)


@given(markers, payloads)
def test_a_vector_is_exact_in_every_width_and_reads_back(marker: int, payload: int) -> None:
    components = vector(marker, payload)

    assert len(components) == DIMENSIONS
    assert all(0 < abs(component) < 1 for component in components)
    assert struct.unpack("<16e", struct.pack("<16e", *components)) == components
    assert tuple(json.loads(json.dumps(components))) == components
    assert {len(repr(abs(component))) for component in components} == {9}  # a zero, a point, seven digits
    assert payload_of(marker, components) == payload


@given(st.integers(0, 30), st.integers(0, 2 * INDICES))
def test_a_canary_reads_back_from_its_vector_with_its_index(sequence: int, index: int) -> None:
    mint = Mint(KEY)
    atoms = [mint.atom("answer", f"field {n}") for n in range(sequence + 1)]

    canary = mint.read_vector((*mint.vector(atoms[-1], index), 7.5, 3.25))

    assert canary is not None
    assert (canary.sequence, canary.field, canary.copy) == (sequence, f"field {sequence}", index % INDICES)


@given(st.integers(0, DIMENSIONS - 1), st.integers(-127, 127).filter(lambda n: n % 2))
def test_a_changed_component_is_noticed(place: int, value: int) -> None:
    mint = Mint(KEY)
    components = mint.vector(mint.atom("answer", "answer vector"))
    changed = (*components[:place], value / 128, *components[place + 1 :])

    assert (mint.read_vector(changed) is None) == (changed != components)


@given(st.lists(st.floats(), max_size=20))
def test_other_vectors_are_none(components: list[float]) -> None:
    assert Mint(KEY).read_vector(components) is None


@pytest.mark.parametrize("value", [math.nan, math.inf, 1.0, 0.0, 0.5001])
def test_what_is_no_odd_128th_ends_it(value: float) -> None:
    mint = Mint(KEY)
    components = mint.vector(mint.atom("answer", "answer vector"))

    assert mint.read_vector((*components[:-1], value)) is None
    assert mint.read_vector(components[:-1]) is None


@given(st.binary(min_size=16, max_size=32))
def test_the_patterns_of_a_run_are_few_and_long(key: bytes) -> None:
    found = forms(Mint(key).direction)

    assert len(found) <= 8
    assert min(len(form.pattern) for form in found) >= 7
