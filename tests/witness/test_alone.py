"""The witness by itself, its certificate authority included."""

import asyncio
import ssl
import stat
from pathlib import Path

import httpx
import pytest

from conformance.witness.alone import serve_alone
from conformance.witness.pki import make_authority


def test_it_serves_until_cancelled_and_says_where(tmp_path: Path) -> None:
    authority = make_authority(tmp_path)
    lines: list[str] = []

    async def scene() -> int:
        begun = asyncio.Event()

        def announce(line: str) -> None:
            lines.append(line)
            begun.set()

        serving = asyncio.create_task(
            serve_alone("127.0.0.1:0", authority.certificate, authority.private_key, announce)
        )
        await begun.wait()
        trust = ssl.create_default_context(cafile=authority.root)
        async with httpx.AsyncClient(verify=trust, trust_env=False) as client:
            answer = await client.get(lines[0].split()[-1] + "/models")
        serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await serving
        return answer.status_code

    assert asyncio.run(scene()) == 200
    assert lines[-1] == "1 calls on 1 connections"


def test_half_a_pair_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="give both, or neither"):
        asyncio.run(serve_alone("127.0.0.1:0", tmp_path / "server.pem", None, print))


def test_the_private_key_is_for_its_owner_only(tmp_path: Path) -> None:
    authority = make_authority(tmp_path / "new")

    assert stat.S_IMODE(authority.private_key.stat().st_mode) == 0o600
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        "ca.pem",
        "expired.pem",
        "other-host.pem",
        "server.key",
        "server.pem",
    ]


def test_an_authority_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "server.key").write_text("somebody's")

    with pytest.raises(FileExistsError):
        make_authority(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["server.key"]
