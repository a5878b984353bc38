"""The run folder: what can be shown, and what never leaves."""

import stat
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from conformance.evidence.folder import NotARun, RunFolder
from conformance.model.evidence import Unobserved
from conformance.model.keys import Revocation, Rotation
from conformance.model.scale import Fault

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
UNSEEN = Unobserved(reason="silence", fault=Fault.NETWORK, decide="ask again")


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """A new run folder."""
    return RunFolder.create(tmp_path / "runs", "abcd1234", NOON)


def test_a_folder_is_named_after_its_moment_and_run(folder: RunFolder) -> None:
    assert folder.path.name == "2026-11-24T120000Z-abcd1234"


def test_the_moment_is_told_in_utc(tmp_path: Path) -> None:
    local = NOON.astimezone(timezone(timedelta(hours=5)))
    assert RunFolder.create(tmp_path, "r", local).path.name.startswith("2026-11-24T120000Z")


def test_a_run_never_writes_into_another(folder: RunFolder) -> None:
    with pytest.raises(FileExistsError):
        RunFolder.create(folder.path.parent, "abcd1234", NOON)


@pytest.mark.parametrize("record", [Rotation(absent="there is none"), UNSEEN], ids=["evidence", "unobserved"])
def test_what_was_written_is_read_again(folder: RunFolder, record: Rotation | Unobserved) -> None:
    folder.write("Rotation", record)
    assert folder.read(Rotation) == record


def test_what_was_never_written_is_nothing_and_not_empty_evidence(folder: RunFolder) -> None:
    assert folder.read(Rotation) is None
    assert folder.digest("Rotation") is None


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b"null", b"{}", b'{"evidence":"Rotation","differs":"yes"}', b'{"evidence":"Nobody"}',
        b'{"evidence":"Revocation","deaths":[],"absent":[]}', b"\xff\xfe", b'{"evidence":"Rotation","absent":"\xff"}',
    ],
)  # fmt: skip
def test_what_is_not_this_evidence_is_refused(folder: RunFolder, content: bytes) -> None:
    (folder.evidence / "Rotation.json").write_bytes(content)
    with pytest.raises(NotARun, match=r"Rotation\.json is not evidence of this version"):
        folder.read(Rotation)


def test_the_same_evidence_is_the_same_bytes(folder: RunFolder) -> None:
    digests = set()
    for _ in range(2):
        folder.write("Revocation", Revocation(deaths=(), absent=("disable",)))
        digests.add(folder.digest("Revocation"))
    assert len(digests) == 1


def test_half_a_record_is_never_seen_under_its_name(folder: RunFolder) -> None:
    folder.write("Rotation", UNSEEN)
    assert [path.name for path in folder.evidence.iterdir()] == ["Rotation.json"]


@pytest.mark.parametrize("content", [None, b"{", b'{"run":5}', b"\xff"])
def test_a_folder_without_a_run_record_is_no_run(folder: RunFolder, content: bytes | None) -> None:
    if content is not None:
        (folder.evidence / "run.json").write_bytes(content)
    with pytest.raises(NotARun):
        folder.record()


def test_what_is_private_is_readable_by_its_owner_only(folder: RunFolder) -> None:
    kept = folder.keep_private("run.key", b"secret")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.private.stat().st_mode) == 0o700


def test_forgetting_destroys_the_private_half_and_nothing_else(folder: RunFolder) -> None:
    folder.keep_private("run.key", b"secret")
    folder.keep_private("secrets.json", b"[]")
    folder.write("Rotation", UNSEEN)
    assert folder.forget() == 2
    assert not folder.private.exists()
    assert folder.read(Rotation) == UNSEEN


def test_forgetting_twice_destroys_nothing_more(folder: RunFolder) -> None:
    folder.forget()
    assert folder.forget() == 0
