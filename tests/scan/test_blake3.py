"""BLAKE3 of one chunk gives what its designers publish."""

import pytest

from conformance.scan.blake3 import blake3

# The published test vectors: the input counts up to 250 again and again; the first 32 bytes of the output.
VECTORS = {
    0: "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
    1: "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213",
    64: "4eed7141ea4a5cd4b788606bd23f46e212af9cacebacdc7d1f4c6dc7f2511b98",
    65: "de1e5fa0be70df6d2be8fffd0e99ceaa8eb6e8c93a63f2d8d1c30ecb6b263dee",
    1024: "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7",
}


@pytest.mark.parametrize(("length", "digest"), VECTORS.items())
def test_a_published_vector(length: int, digest: str) -> None:
    assert blake3(bytes(n % 251 for n in range(length))).hex() == digest


def test_a_published_vector_with_a_key() -> None:
    key = b"whats the Elvish word for friend"
    digest = blake3(bytes(n % 251 for n in range(65)), key)
    assert digest.hex() == "c0a4edefa2d2accb9277c371ac12fcdbb52988a86edc54f0716e1591b4326e72"


def test_more_than_one_chunk_is_refused() -> None:
    with pytest.raises(ValueError, match="one chunk"):
        blake3(bytes(1025))
