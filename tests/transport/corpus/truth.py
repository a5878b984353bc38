"""A deployment, the truth about it, and the audit that must find it out through nothing but a target file."""

import asyncio
import json
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from conformance.audit import audit
from conformance.evidence.folder import RunFolder
from conformance.model.results import Results
from conformance.selection import Selection
from conformance.stage import open_stage
from conformance.target_file import load
from tests.transport.corpus.api import ADMIN, KEY

COLUMNS = {
    "ssl2": "transport.ssl2-is-refused",
    "ssl3": "transport.ssl3-is-refused",
    "1.0": "transport.tls10-is-refused",
    "1.1": "transport.tls11-is-refused",
    "1.2": "transport.tls12-is-refused",
    "1.3": "transport.tls13-is-negotiated",
    "cert": "transport.certificate-is-trusted",
    "hsts": "transport.hsts-on-every-answer",
    "age": "transport.hsts-is-long-enough",
    "clear": "transport.clear-text-serves-nothing",
    "key": "transport.clear-text-key-is-not-accepted",
    "links": "transport.answers-lead-to-https-only",
    "redirects": "transport.clear-text-redirects-stay-home",
}
_AT_ONCE = 4  # audits; what they measure must not be one another


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """Where it is, and its truth: columns that differ from what a good deployment has, `P`, `F`, `I` or `N`.

    `gateway` is what its target file says beside its URLs; one of a `customer` declares no credential but a key.
    """

    name: str
    port: int
    truth: str = ""
    clear: tuple[int, ...] = ()
    gateway: Mapping[str, object] = field(default_factory=dict)
    claims: tuple[str, ...] = ("T1", "T2", "T3")
    customer: bool = False

    def expected(self) -> dict[str, str]:
        """A verdict's first letter for each column."""
        unlike = dict(word.split("=") for word in self.truth.split())
        assert unlike.keys() <= COLUMNS.keys()
        return {column: "N" if column == "redirects" else "P" for column in COLUMNS} | unlike


def judged(
    deployments: Iterable[Deployment],
    folder: Path,
    authority: Path,
    at_once: int = _AT_ONCE,
) -> dict[str, str]:
    """What the audit says of each: by name, the columns in which it differs from the truth; empty where in none."""

    async def every() -> list[Results]:
        turns = asyncio.Semaphore(at_once)
        return await asyncio.gather(*(_audited(one, folder, authority, turns) for one in deployments))

    deployments = tuple(deployments)
    return {
        one.name: _differences(one, results)
        for one, results in zip(deployments, asyncio.run(every()), strict=True)
    }


async def _audited(one: Deployment, folder: Path, authority: Path, turns: asyncio.Semaphore) -> Results:
    base = folder / "".join(letter if letter.isalnum() else "-" for letter in one.name)
    base.mkdir(parents=True)
    target_file = _target_file(one, base, authority)
    async with (
        turns,
        open_stage(
            load(target_file),
            target_file=target_file,
            folder=RunFolder.create(base / "runs", "corpus", datetime.now(UTC)),
            run="corpus",
            profile="quick",
            seed=random.randrange(2**31),
        ) as stage,
    ):
        return await audit(stage, Selection(claims=one.claims), lambda title, what: None)


def _target_file(one: Deployment, base: Path, authority: Path) -> Path:
    (base / "key").write_text(KEY)
    (base / "admin").write_text(ADMIN)
    gateway: dict[str, Any] = {
        "base_urls": [f"https://localhost:{one.port}"],
        "cleartext_ports": list(one.clear),
        "ca_file": str(authority),
        **one.gateway,
    }
    resolve = gateway.pop("resolve", {"localhost": ["127.0.0.1"]})
    lines = [f"{name} = {json.dumps(value)}" for name, value in gateway.items()]
    addresses = [f"{name} = {json.dumps(found)}" for name, found in resolve.items()]
    text = "\n".join(
        (
            'name = "a deployment"', 'environment = "test"',
            "[gateway]", *lines, "[gateway.resolve]", *addresses,
            "[credentials]", 'key = { file = "key" }',
            *(() if one.customer else ('admin = { file = "admin" }', "[dialect]", 'use = "openrouter"')),
            "[claims]", "hsts_min_age = 31536000",
            "[limits]", "requests = 5000", "rate = 5000", "connections = 24", "timeout = 5",
        )
    )  # fmt: skip
    path = base / "target.toml"
    path.write_text(text)
    return path


def _differences(one: Deployment, results: Results) -> str:
    said = {check.id: check for check in results.checks}
    return "; ".join(
        f"{column} is {said[COLUMNS[column]].verdict}, not {letter}: {said[COLUMNS[column]].because}"
        for column, letter in one.expected().items()
        if COLUMNS[column] in said and said[COLUMNS[column]].verdict[0].upper() != letter
    )
