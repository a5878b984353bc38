"""Schemathesis against both APIs by their own descriptions: with the right credential, with the other's, with none.

Run by its engine, because its pytest plugin needs a private attribute that pytest 9.2 no longer has.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import schemathesis
from schemathesis import Case, CheckContext, Response
from schemathesis.engine import events, from_schema

from tests.reference_gateway.gateway import ADMIN_TOKEN
from tests.reference_gateway.hostile.conftest import Attacked, attacked
from tests.reference_gateway.hostile.unharmed import unharmed
from tests.reference_gateway.stub_shapes import everywhere

HSTS = ["max-age=63072000; includeSubDomains"]
TELLING = 8  # letters: what is shorter stands in an answer by chance
# Valid by JSON Schema are 1.0 for 1, and what a translation has no words for; the gateway refuses both.
CHECKS = {"positive_data_acceptance": {"enabled": False}}
WORDS = frozenset({"application/json", "text/event-stream"})


@schemathesis.check
def has_the_gateways_headers(_ctx: CheckContext, response: Response, _case: Case[Any]) -> None:
    headers = response.headers
    assert headers["strict-transport-security"] == HSTS
    assert headers["cache-control"] == ["no-store"]
    assert headers["x-content-type-options"] == ["nosniff"]
    assert headers["x-request-id"] == headers["request-id"]
    assert len(headers["x-request-id"]) == 1


@schemathesis.check
def repeats_nothing_in_an_error(_ctx: CheckContext, response: Response, case: Case[Any]) -> None:
    if response.status_code < 400:
        return
    # The names of headers are HTTP's own words, which a generator may well hit on.
    heard = response.content.decode() + str([*response.headers.values()])
    sent = {*texts(case.body), *texts(case.query), *texts(case.path_parameters), *texts(case.headers)}
    told = {text for text in sent - WORDS if len(text) >= TELLING and text in heard}
    assert not told
    assert ADMIN_TOKEN not in heard
    assert "rgw_live_" not in heard


def texts(value: Any) -> Iterator[str]:
    """Every text in it, and every name that is not of an API's own vocabulary."""
    match value:
        case str():
            yield value
        case bytes():
            yield value.decode("latin-1")
        case list():
            for one in value:
                yield from texts(one)
        case _ if hasattr(value, "items"):
            for name, one in value.items():
                if not name.replace("_", "").islower():
                    yield name
                yield from texts(one)


@dataclass
class Findings:
    """What a run came to."""

    failures: list[str] = field(default_factory=list)
    operations: set[str] = field(default_factory=set)
    statuses: set[int] = field(default_factory=set)

    def take(self, scenario: events.ScenarioFinished) -> None:
        for nodes in scenario.recorder.checks.values():
            self.failures += [
                f"{scenario.label}: {node.name}: {node.failure_info.failure.message}"
                for node in nodes
                if node.failure_info is not None
            ]
        for interaction in scenario.recorder.interactions.values():
            assert interaction.response is not None
            self.operations.add(str(scenario.label))
            self.statuses.add(interaction.response.status_code)


def explored(described: Any, origin: str, token: str | None, ca: str, *, examples: int) -> Findings:
    """Every operation of the description, at `origin`, as the holder of this token."""
    config = schemathesis.Config.from_dict(
        {
            "seed": 1,
            "base-url": origin,
            "tls-verify": ca,
            "headers": {"Authorization": f"Bearer {token}"} if token else {},
            "continue-on-failure": True,
            "checks": CHECKS,
            "phases": {"examples": {"enabled": False}},
            "generation": {
                "mode": "all",
                "max-examples": examples,
                "deterministic": True,
                "database": "none",
                "with-security-parameters": False,
            },
        }
    )
    # Under /api/v1 of the content plane is the same as under /v1.
    api = schemathesis.openapi.from_dict(described, config=config).exclude(
        path_regex="^/api/v1/(?!keys|acc|aud)"
    )
    findings = Findings()
    for event in from_schema(api).execute():
        assert not isinstance(event, events.NonFatalError | events.FatalError), event
        if isinstance(event, events.ScenarioFinished):
            findings.take(event)
    return findings


@pytest.fixture(scope="module")
def described_one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    with attacked(tmp_path_factory.mktemp("described"), scripts={"ordinary": everywhere}) as described:
        yield described


@pytest.fixture
def described(described_one: Attacked) -> Iterator[Attacked]:
    with unharmed(described_one.gateway, described_one.key):
        yield described_one


def token_of(described: Attacked, holder: str) -> str | None:
    return {"a key": described.key, "an admin": ADMIN_TOKEN, "nobody": None}[holder]


@pytest.mark.parametrize(("holder", "examples"), [("a key", 8), ("an admin", 3), ("nobody", 3)])
def test_the_content_api_is_as_it_says(described: Attacked, holder: str, examples: int) -> None:
    gateway = described.gateway
    with gateway.client(described.key) as client:
        description = client.get("/openapi.json").json()

    findings = explored(
        description, gateway.origin, token_of(described, holder), str(gateway.ca), examples=examples
    )

    assert findings.failures == []
    assert len(findings.operations) == 9
    assert findings.statuses >= ({200, 400, 405, 415} if holder == "a key" else {200, 401, 405})
    assert max(findings.statuses) < 500


@pytest.mark.parametrize(("holder", "examples"), [("an admin", 8), ("a key", 3), ("nobody", 3)])
def test_the_admin_api_is_as_it_says(described: Attacked, holder: str, examples: int) -> None:
    gateway = described.gateway
    with gateway.admin() as client:
        description = client.get("/openapi.json").json()
    origin = f"https://127.0.0.1:{gateway.admin_port}"

    findings = explored(description, origin, token_of(described, holder), str(gateway.ca), examples=examples)

    assert findings.failures == []
    assert len(findings.operations) >= 14
    assert findings.statuses >= ({200, 201, 400, 404, 405, 415} if holder == "an admin" else {200, 401, 405})
    assert max(findings.statuses) < 500
