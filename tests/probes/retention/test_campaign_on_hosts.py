"""The campaign against gateways of two makes: every path is taken, proven, and within what was announced."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from conformance.catalogue import Cost, observations
from conformance.model.archive import PromptSent
from conformance.model.campaign import Campaign, PathRun
from conformance.probes.retention.campaign import campaign
from tests.probes.retention.conftest import play, staged, standing
from tests.twins.registry import Host

_SAMPLE = 3


@dataclass(frozen=True, slots=True)
class Held:
    """A campaign that was held, what it took, what was announced, and what it left in the private folder."""

    found: Campaign
    requests: int
    spent: int
    cost: Cost
    prompts: tuple[PromptSent, ...]

    def path(self, name: str) -> PathRun:
        """One path's line."""
        return next(path for path in self.found.paths if path.path == name)

    def proven(self, path: str) -> dict[str, tuple[int, int]]:
        """Canaries sent and proven by field."""
        return {cell.field: (cell.sent, cell.proven) for cell in self.found.cells if cell.path == path}


@pytest.fixture(scope="module", params=["reference", "second"])
def held(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Held]:
    """A small campaign against a host as it is."""
    host: Host = request.param
    with standing(host, tmp_path_factory.mktemp(host)) as (_, target_file):
        yield play(lambda: _campaign(target_file))


async def _campaign(target_file: Path) -> Held:
    async with staged(target_file, _SAMPLE) as stage:
        session = stage.session
        before, spent = session.meter.requests, session.meter.money
        found = await campaign(session)
        requests, money = session.meter.requests - before, session.meter.money - spent
    cost = next(o for o in observations() if o.yields is Campaign).cost(session.target, _SAMPLE)
    prompts = msgspec.json.decode(
        (stage.folder.private / "prompts.json").read_bytes(), type=tuple[PromptSent, ...]
    )
    return Held(found, requests, money, cost, prompts)


def test_every_request_of_every_path_is_proven_to_have_taken_it(held: Held) -> None:
    assert {path.path: path.counted for path in held.found.paths} == {
        path.path: path.sent for path in held.found.paths
    }


def test_no_path_is_left_out(held: Held) -> None:
    assert [path.path for path in held.found.paths if not path.sent] == []


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("success", "forwarded"),
        ("stream", "forwarded"),
        ("embeddings", "forwarded"),
        ("messages: stream", "forwarded"),
        ("models", "answered"),
        ("left during the upload", "aborted"),
        ("left before the first byte", "aborted"),
        ("left in the middle", "aborted"),
        ("left near the end", "aborted"),
        ("malformed: truncated JSON", "rejected"),
        ("malformed: invalid UTF-8", "rejected"),
        ("malformed: deep nesting", "rejected"),
        ("unknown model", "rejected"),
        ("no credential", "rejected"),
        ("wrong credential", "rejected"),
        ("revoked key", "rejected"),
        ("over budget", "rejected"),
        ("provider error", "forwarded"),
        ("provider hangs", "forwarded"),
        ("provider cuts a stream", "forwarded"),
    ],
)
def test_a_path_is_of_the_class_that_it_is_meant_to_be(held: Held, path: str, kind: str) -> None:
    assert held.path(path).kind == kind


def test_requests_are_spread_over_keys_and_connections(held: Held) -> None:
    assert held.path("success").keys == 3
    assert held.path("left in the middle").connections == _SAMPLE


@pytest.mark.parametrize(
    "field",
    ["user", "system", "assistant", "developer", "tool argument", "tool enum", "image", "sound", "document"],
)
def test_a_field_that_is_forwarded_is_proven_by_what_the_provider_received(held: Held, field: str) -> None:
    sent, proven = held.proven("optional fields")[field]
    assert sent == proven > 0


@pytest.mark.parametrize("field", ["header", "user agent", "baggage header", "query"])
def test_a_field_that_is_not_forwarded_is_sent_and_not_proven(held: Held, field: str) -> None:
    sent, proven = held.proven("optional fields")[field]
    assert sent > proven == 0


def test_fields_on_a_rejecting_path_are_proven_by_the_refusal(held: Held) -> None:
    assert held.proven("no credential") == dict.fromkeys(("user", "system", "assistant"), (_SAMPLE, _SAMPLE))


def test_it_costs_no_more_than_was_announced(held: Held) -> None:
    assert 0 < held.requests <= held.cost.requests
    assert held.spent > 0


def test_texts_of_every_path_are_kept_in_the_private_folder_alone(held: Held) -> None:
    speaking = {path.path for path in held.found.paths if path.endpoint != "models"}
    assert speaking <= {sent.canary.path for sent in held.prompts}
    assert all(sent.text for sent in held.prompts)
    assert not any(sent.text in str(held.found) for sent in held.prompts)
