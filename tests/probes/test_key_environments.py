"""Keys of two deployments, each shown to the other: servers that know their keys, or each other's too."""

import asyncio
import re
import ssl
from pathlib import Path

import msgspec
import pytest

from conformance.checks.key_secrets import environments_are_separate
from conformance.model.keys import EnvironmentSeparation
from conformance.probes.keys.environments import environment_separation
from conformance.target import OtherEnvironment, Secret
from conformance.witness.pki import Authority
from tests.checks.made import word
from tests.probes.conftest import Opened, run, target
from tests.probes.servers import Script, listening, request

OURS, THEIRS = "sk-ours-0123456789abcdef", "sk-theirs-0123456789abcdef"


def knowing(*keys: str, models: bool = True) -> Script:
    """A gateway that lets these keys in; its models may be open to anybody."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head, _ = await request(reader)
            shown = re.search(rb"(?i)authorization: bearer (\S+)", head)
            asks_models = head.startswith(b"GET")
            known = shown is not None and shown[1].decode() in keys
            status = 200 if asks_models and (known or not models) else 404 if known else 401
            writer.write(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % status)

    return script


@pytest.mark.parametrize(
    ("here", "there", "verdict"),
    [
        (knowing(OURS), knowing(THEIRS), "pass"),
        (knowing(OURS, models=False), knowing(THEIRS, models=False), "pass"),
        (knowing(OURS, THEIRS), knowing(THEIRS), "fail"),
        (knowing(OURS), knowing(OURS, THEIRS), "fail"),
        (knowing(OURS, models=False), knowing(OURS, THEIRS, models=False), "fail"),
        (knowing(), knowing(THEIRS), "inconclusive"),
        (knowing(OURS), knowing(), "inconclusive"),
    ],
    ids=[
        "apart",
        "apart, open models",
        "theirs here",
        "ours there",
        "there, open models",
        "dead",
        "wrong key",
    ],
)
def test_a_key_from_elsewhere_is_noticed_where_it_opens(
    opened: Opened,
    tls: ssl.SSLContext,
    authority: Authority,
    tmp_path: Path,
    here: Script,
    there: Script,
    verdict: str,
) -> None:
    (tmp_path / "their.key").write_text(THEIRS)

    async def scene() -> EnvironmentSeparation:
        async with listening(here) as port, listening(there, tls) as other_port:
            other = OtherEnvironment(
                base_url=f"https://localhost:{other_port}",
                key=Secret(file="their.key"),
                ca_file=str(authority.root),
            )
            audited = msgspec.structs.replace(target(port), other_environment=other)
            async with opened(audited, own_key=OURS) as session:
                return await environment_separation(session)

    assert word(environments_are_separate(run(scene))) == verdict
