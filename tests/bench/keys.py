"""How long a person waits to hear how a gateway treats keys, and how a large store of them is classified."""

import asyncio
import hashlib
import json
import random
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from conformance.collectors.stored_keys import stored_keys
from conformance.commands.demo import standing
from conformance.dialects.shipped import shipped
from conformance.dialects.speak import Key, KeyApi
from conformance.model.storage import StoredKeys
from conformance.probes.door import Answer
from conformance.session import Session
from tests.bench.corpus import warm
from tests.bench.measure import NothingHereError, measurement
from tests.bench.recorded import GATEPROOF
from tests.collectors.auditing import files, session_over

_STORE = 10**9  # bytes
_BLOCK = 100_000  # rows that are made; they stand there again and again, under other numbers
_KEYS = 2
_STORED = "salted-per-key"


@measurement(
    "keys.demo_s",
    unit="s",
    target=15,
    better="lower",
    how="wall time of every check of keys against the reference gateway, standard profile, once",
)
def demo_seconds() -> float:
    """The command, on a gateway that stands already."""
    with (
        tempfile.TemporaryDirectory(prefix="gateproof-bench-") as folder,
        standing(Path(folder) / "target") as (target_file, _),
    ):
        audit = ["audit", str(target_file), "--check", "keys.*", "--profile", "standard"]
        began = time.perf_counter()
        subprocess.run(
            [*GATEPROOF, *audit, "--quiet", "--out", f"{folder}/runs"], check=False, capture_output=True
        )
        return time.perf_counter() - began


@measurement(
    "keys.classify_gb_s",
    unit="s",
    target=10,
    better="lower",
    how=f"wall time until the form of {_KEYS} keys is known whose salted digests stand in 1 GB of such rows as JSON lines, "
    "searched in every form and encoding; warm, once",
)
def classification_seconds() -> float:
    """What an audit does with a surface of the role `account`."""
    with tempfile.TemporaryDirectory(prefix="gateproof-bench-") as folder:
        base = Path(folder)
        secrets = _store(base / "keys.jsonl", random.Random(1))
        warm(base / "keys.jsonl")
        with session_over(base, files("keys.jsonl", role="account")) as session:
            _know(session, secrets)
            began = time.perf_counter()
            seen = asyncio.run(_classified(session))
            seconds = time.perf_counter() - began
        if (forms := {form.stored for key in seen.keys for form in key.forms}) != {_STORED}:
            raise NothingHereError(f"the keys were found {', '.join(sorted(forms)) or 'nowhere'}")
        return seconds


async def _classified(session: Session) -> StoredKeys:
    return await stored_keys(session)


def _store(path: Path, source: random.Random) -> dict[str, str]:
    """Write rows until there is a gigabyte, the searched-for keys in the midst of them; the secrets by public id."""
    own = {f"own-{source.randbytes(6).hex()}": f"sk-{source.randbytes(32).hex()}" for _ in range(_KEYS)}
    block = b"".join(_row(source, f"key-{n:09}", source.randbytes(36).hex()) for n in range(_BLOCK))
    with path.open("wb") as file:
        while file.tell() < _STORE // 2:
            file.write(block)
        file.writelines(_row(source, public, secret) for public, secret in own.items())
        while file.tell() < _STORE:
            file.write(block)
    return own


def _row(source: random.Random, public: str, secret: str) -> bytes:
    salt = source.randbytes(16)
    row = {
        "id": public,
        "salt": salt.hex(),
        "hash": hashlib.sha256(salt + secret.encode()).hexdigest(),
        "name": f"service {source.randrange(10**6)}",
        "limit": source.randrange(10**9),
        "spent": source.randrange(10**8),
        "created": "2026-01-02T03:04:05Z",
        "disabled": False,
    }
    return json.dumps(row).encode() + b"\n"


def _know(session: Session, secrets: dict[str, str]) -> None:
    """Let the session have made these keys."""
    session.key_api = KeyApi(
        shipped()["openrouter"],
        session.door,
        session.journal,
        url="https://gateway.example",
        credential="unused",
        per_usd=1,
        grain=1,
        run="bench",
        variables={},
    )
    session.key_api.created += _keys(secrets)


def _keys(secrets: dict[str, str]) -> Iterator[Key]:
    creation = Answer(status=201, headers=(), body=b"", ms=1)
    for public, secret in secrets.items():
        yield Key(
            name=f"gateproof-{public}",
            secret=secret,
            id=public,
            limit=None,
            variables={"id": public},
            creation=creation,
        )
