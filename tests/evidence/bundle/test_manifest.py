"""The manifest is read back as it was written, and in no other spelling."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.evidence.bundle.manifest import Tampered, is_sound, read, write

ONE, TWO = "a" * 64, "b" * 64
_SEGMENTS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,8}", fullmatch=True)
_PATHS = st.lists(_SEGMENTS, min_size=1, max_size=3).map("/".join)
_DIGESTS = st.from_regex(r"[0-9a-f]{64}", fullmatch=True)


@given(st.dictionaries(_PATHS, _DIGESTS, min_size=1, max_size=8))
def test_what_was_written_is_read_back(files: dict[str, str]) -> None:
    kept = {path: digest for path, digest in files.items() if is_sound(path)}
    files = kept | {"results.json": ONE}

    assert read(write(files)) == files


@given(st.binary(max_size=300))
def test_whatever_is_read_would_be_written_the_same(data: bytes) -> None:
    try:
        files = read(data)
    except Tampered:
        return

    assert write(files) == data


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "empty"),
        (b"\n", "line 1"),
        (f"{ONE}  a".encode(), "cut"),
        (f"{ONE}  a\r\n".encode(), "line 1"),
        (f"{ONE} *a\n".encode(), "line 1"),
        (f"{ONE.upper()}  a\n".encode(), "line 1"),
        (f"{ONE}  ../a\n".encode(), "line 1"),
        (f"{ONE}  /a\n".encode(), "line 1"),
        (f"{ONE}  a/../b\n".encode(), "line 1"),
        (f"{ONE}  -a\n".encode(), "line 1"),
        (f"{ONE}  .a\n".encode(), "line 1"),
        (f"{ONE}  a b\n".encode(), "line 1"),
        (f"{ONE}  attest/signer.pem\n".encode(), "line 1"),
        (f"{ONE}  SHA256SUMS\n".encode(), "line 1"),
        (f"{ONE}  b\n{TWO}  a\n".encode(), "line 2: 'a' is out of order"),
        (f"{ONE}  a\n{TWO}  a\n".encode(), "line 2: 'a' is out of order or named twice"),
    ],
)
def test_any_other_spelling_is_tampering(data: bytes, complaint: str) -> None:
    with pytest.raises(Tampered, match=re.escape(complaint)):
        read(data)


@pytest.mark.parametrize("path", ["../x", "a b", "attest/x", "SHA256SUMS", "", "a/", "x\ny", "é"])
def test_a_name_that_could_be_read_otherwise_is_not_written(path: str) -> None:
    with pytest.raises(ValueError, match="cannot stand in a manifest"):
        write({path: ONE})
