"""The plan: what would be sent where, at which cost, and what could not be decided; nothing is sent."""

from pathlib import Path

import pytest

from tests.end_to_end.conftest import Command

EXAMPLES = Path(__file__).parents[1] / "architecture" / "examples"


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.toml")), ids=lambda path: path.stem)
def test_every_example_has_a_plan(example: Path, gateproof: Command) -> None:
    done = gateproof("plan", example)

    assert done.returncode == 0, done.stderr
    assert "at most" in done.stdout
    assert done.stderr == ""


def test_a_key_api_elsewhere_stands_in_the_plan(gateproof: Command) -> None:
    told = gateproof("plan", EXAMPLES / "litellm.toml").stdout

    assert "TLS is probed at llm.staging.example:443, llm.staging.example:4000\n" in told
    assert "keys are made and revoked at https://llm.staging.example:4000\n" in told


def test_a_plan_says_where_how_much_and_what_stays_open(gateproof: Command) -> None:
    outside = gateproof("plan", EXAMPLES / "outside.toml").stdout
    operator = gateproof("plan", EXAMPLES / "openrouter.toml", "--profile", "thorough").stdout

    assert "TLS is probed at" in outside
    assert "money at list price: unknown" in outside
    assert "S1   the target file declares no access of this kind: admin, witness" in outside
    assert "declare `credentials.admin` with `dialect`" in outside
    assert "keys are made and revoked at https://gateway.staging.example\n" in operator
    assert "the limits are lower than the plan" in operator
    assert (
        "read: sqlite state/accounts.sqlite3 (account), at most 68,719,476,736 bytes and 600 s\n" in operator
    )
    assert "processes are not looked at: `processes` names none" in operator


def test_what_only_adds_to_a_claim_leaves_it_open_for_no_plan(gateproof: Command) -> None:
    told = gateproof("plan", EXAMPLES / "openrouter.toml").stdout

    assert "  Z1 " not in told
    assert "control.restart" not in told.partition("cannot be decided with the declared access:")[2]


def test_a_plan_names_commands_streams_and_processes(gateproof: Command) -> None:
    told = gateproof("plan", EXAMPLES / "everything_inside.toml").stdout

    assert "read while canaries pass: command pod logs (log), by running kubectl, at most" in told
    assert "read while canaries pass: http https://gateway.staging.example/logs/stream (log), at most" in told
    assert "processes are looked at: called litellm; listening on 4000\n" in told
