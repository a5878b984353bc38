"""What requests come to: a table of what the client saw and what the provider received."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.canary.mint import Mint
from conformance.model.campaign import PathClass
from conformance.probes.retention.arrivals import Arrivals
from conformance.probes.retention.keepsakes import Keepsakes
from conformance.probes.retention.letters import Letter
from conformance.probes.retention.path import Path
from conformance.probes.retention.paths import paths
from conformance.probes.retention.running import Trace, Walk, at_once, patience
from conformance.probes.retention.sending import Sent
from conformance.probes.retention.summary import cells_of, run_of
from conformance.target import Gateway, Model, Target
from conformance.witness.canaries import Counted
from conformance.witness.ledger import Outcome, WitnessCall
from conformance.witness.server import Witness

_MINT = Mint(b"a run key of the tests")
_PATHS = {
    path.name: path
    for path in paths(
        Target(
            name="t",
            environment="test",
            gateway=Gateway(base_urls=("http://127.0.0.1:1",)),
            models={"m": Model()},
        )
    )
}
_WHOLE = {
    status: Sent(told=str(status), status=status, whole=True, connection=1) for status in range(200, 600)
}
_LEFT = Sent(told="left", left=True, connection=1)
_RESET = Sent(told="reset", connection=1)
_SILENT = Sent(told="timeout")


def _call(number: int, body: str, outcome: Outcome = Outcome.COMPLETE, header: str = "") -> WitnessCall:
    return WitnessCall(
        number=number, connection=1, peer="", method="POST", path="/v1/chat/completions", endpoint="chat",
        headers=(("x-note", header),), body=body.encode(), model=None, stream=False, begun=0.0, outcome=outcome,
    )  # fmt: skip


class _Scene:
    """Requests of one path, and what of them reached a provider."""

    def __init__(self, path: Path) -> None:
        self.witness = Witness(host="", port=0, tls=None, canaries=Counted())
        self.arrivals = Arrivals(self.witness, _MINT.marker)
        self.walk = Walk(path)

    def sent(
        self,
        sent: Sent,
        *,
        outcome: Outcome | None = None,
        times: int = 1,
        fields: tuple[str, ...] = ("user",),
    ) -> "_Scene":
        """One more request; with an outcome, it reached the provider so many times."""
        canaries = tuple((field, _MINT.atom(self.walk.path.name, field)) for field in fields)
        self.arrivals.expect(atom for _, atom in canaries)
        trace = Trace(canaries=canaries, encoded={}, sent=sent, key=0, began=1.0, ended=2.0)
        self.walk.traces.append(trace)
        for _ in range(times if outcome else 0):
            body = f'{{"content": "{canaries[0][1].lower()} and so on"}}'
            self.witness.calls.append(_call(len(self.witness.calls) + 1, body, outcome or Outcome.OPEN))
        return self


@pytest.mark.parametrize(
    ("path", "sent", "outcome", "kind", "counted"),
    [
        ("success", _WHOLE[200], Outcome.COMPLETE, "forwarded", 1),
        ("success", _WHOLE[200], None, "forwarded", 0),  # it answered by itself: nothing was passed on
        ("success", _WHOLE[401], None, "forwarded", 0),
        ("success", _WHOLE[429], None, "forwarded", 0),  # a cooldown
        ("success", _SILENT, None, "forwarded", 0),
        ("success", _SILENT, Outcome.LOST, "forwarded", 1),
        ("provider error", _WHOLE[502], Outcome.REFUSED, "forwarded", 1),
        ("provider error", _WHOLE[200], Outcome.COMPLETE, "forwarded", 0),  # the provider did not fail
        ("provider cuts", _WHOLE[502], Outcome.CUT, "forwarded", 1),
        ("provider cuts", _WHOLE[200], Outcome.COMPLETE, "forwarded", 0),
        ("no credential", _WHOLE[401], None, "rejected", 1),
        ("no credential", _WHOLE[503], None, "rejected", 0),  # the provider's cooldown is no refusal
        ("no credential", _WHOLE[200], None, "rejected", 0),
        ("no credential", _WHOLE[200], Outcome.COMPLETE, "forwarded", 1),
        (
            "no credential",
            _WHOLE[401],
            Outcome.COMPLETE,
            "forwarded",
            1,
        ),  # refused, and passed on all the same
        ("malformed: truncated JSON", _WHOLE[500], None, "rejected", 1),
        ("malformed: truncated JSON", _RESET, None, "rejected", 1),
        ("over budget", _WHOLE[402], None, "rejected", 1),
        ("over budget", _WHOLE[401], None, "rejected", 0),  # a key that is not known is not over its budget
        ("rate limited", _WHOLE[429], None, "rejected", 1),
        ("rate limited", _WHOLE[400], None, "rejected", 0),
        ("left in the middle", _LEFT, Outcome.LOST, "aborted", 1),
        ("left in the middle", _WHOLE[200], Outcome.COMPLETE, "forwarded", 1),  # it had held the stream back
        ("left in the middle", _WHOLE[401], None, "aborted", 0),
        ("left during the upload", _LEFT, None, "aborted", 1),
        ("left during the upload", _RESET, None, "aborted", 0),
        ("models", _WHOLE[200], None, "answered", 1),
        ("models", _WHOLE[401], None, "rejected", 1),
        ("over 1 MB", _WHOLE[413], None, "rejected", 1),
    ],
)
def test_what_a_request_comes_to(
    path: str, sent: Sent, outcome: Outcome | None, kind: PathClass, counted: int
) -> None:
    scene = _Scene(_PATHS[path]).sent(sent, outcome=outcome)
    found = run_of(scene.walk, scene.arrivals, sample=1)

    assert (found.kind, found.counted, found.sent) == (kind, counted, 1)


def test_a_reset_among_answers_is_no_refusal() -> None:
    scene = _Scene(_PATHS["no credential"]).sent(_WHOLE[401]).sent(_RESET)

    assert run_of(scene.walk, scene.arrivals, sample=2).counted == 1


def test_a_path_is_what_most_of_its_requests_came_to() -> None:
    scene = _Scene(_PATHS["wrong credential"])
    scene.sent(_WHOLE[200], outcome=Outcome.COMPLETE).sent(_WHOLE[200], outcome=Outcome.COMPLETE)
    found = run_of(scene.sent(_WHOLE[401]).walk, scene.arrivals, sample=3)

    assert (found.kind, found.counted) == ("forwarded", 2)
    assert found.note == "2 forwarded"


def test_optional_fields_count_whether_they_were_forwarded_or_refused() -> None:
    scene = _Scene(_PATHS["optional fields"])
    scene.sent(_WHOLE[200], outcome=Outcome.COMPLETE, fields=("user", "stop")).sent(
        _WHOLE[400], fields=("stop",)
    )
    found = run_of(scene.walk, scene.arrivals, sample=1)

    assert (found.kind, found.counted) == ("forwarded", 2)
    assert {(c.field, c.sent, c.proven) for c in cells_of(scene.walk, scene.arrivals)} == {
        ("user", 1, 1),
        ("stop", 2, 1),  # stripped once, refused once
    }


def test_a_provider_that_was_not_asked_again_is_noted() -> None:
    retried = next(path for name, path in _PATHS.items() if name.startswith("provider fails once"))
    once = _Scene(retried).sent(_WHOLE[502], outcome=Outcome.REFUSED)
    twice = _Scene(retried).sent(_WHOLE[200], outcome=Outcome.REFUSED, times=2)

    assert "asked again for 0 of 1" in run_of(once.walk, once.arrivals, sample=1).note
    assert run_of(twice.walk, twice.arrivals, sample=1).note == ""


def test_what_came_before_the_campaign_is_not_seen() -> None:
    witness = Witness(host="", port=0, tls=None, canaries=Counted())
    atom = _MINT.atom("success", "user")
    witness.calls.append(_call(1, atom))
    arrivals = Arrivals(witness, _MINT.marker)
    arrivals.expect([atom])

    assert arrivals.of([atom]) == ()


@pytest.mark.parametrize("where", ["body", "header"])
@given(before=st.text(max_size=20), after=st.text(max_size=20))
def test_a_canary_is_seen_wherever_it_stands_and_in_any_case(where: str, before: str, after: str) -> None:
    witness = Witness(host="", port=0, tls=None, canaries=Counted())
    arrivals = Arrivals(witness, _MINT.marker)
    atom = _MINT.atom("success", "user")
    arrivals.expect([atom])
    text = f"{before} {atom.lower()} {after}".encode(errors="replace").decode()
    witness.calls.append(_call(1, text if where == "body" else "", header=text if where == "header" else ""))

    assert [arrival.call.number for arrival in arrivals.of([atom])] == [1]


@given(
    many=st.integers(1, 100),
    seconds=st.floats(1, 10_000),
    connections=st.integers(1, 256),
)
def test_all_paths_together_keep_to_their_share_of_the_time(
    many: int, seconds: float, connections: int
) -> None:
    workers = at_once(connections)

    assert 1 <= workers <= max(1, connections // 2)
    assert many * patience(many, seconds, workers) / workers <= 0.36 * seconds


@given(letters=st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 2**17)), max_size=60))
def test_keepsakes_are_few_and_hold_a_text_of_every_path(letters: list[tuple[str, int]]) -> None:
    keepsakes = Keepsakes()
    for path, size in letters:
        atom = _MINT.atom(path, "user")
        keepsakes.keep(
            Letter(
                path=path, url="/", content=b"x" * size, headers={}, canaries=(("user", atom),), encoded={},
                prompt=f"{atom} please", money=0,
            )
        )  # fmt: skip
    kept = keepsakes.prompts(_MINT)

    assert {sent.canary.path for sent in kept} == {path for path, _ in letters}
    assert all(count <= 4 for count in Counter(sent.canary.path for sent in kept).values())
    assert all(len(sent.text) <= 2**16 for sent in kept)
