"""Whatever a person can get wrong gets one sentence that says whose fault it is and what to do; never a traceback."""

import json
import socket
import tomllib
from pathlib import Path

import pytest

from tests.end_to_end.conftest import Command, House, only_run

_OUTSIDE = 'name = "x"\nenvironment = "test"\n[gateway]\nbase_urls = ["https://127.0.0.1:{port}"]\ncleartext_ports = []\n'


def _closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name = ", "not valid TOML"),
        ('name = "x"\nenvironment = "test"\n[gateway]\nurl = "y"\n', ":4: unknown key 'gateway.url'"),
        ('name = "x"\nenvironment = "moon"\n[gateway]\nbase_urls = ["https://a"]\n', ":2: 'environment'"),
        ('name = "x"\nenvironment = "test"\n', "'gateway' is missing"),
        (_OUTSIDE.format(port=1) + '[limits]\nmoney = "lots"\n', ":7: 'limits.money'"),
        (
            _OUTSIDE.format(port=1) + '[gate]\nrequire = ["Q9"]\n',
            ":7: 'gate.require': there is no claim 'Q9'",
        ),
        (
            _OUTSIDE.format(port=1) + '[credentials]\nkey = { env = "GATEPROOF_NOT_SET" }\n',
            "GATEPROOF_NOT_SET is not set",
        ),
        (_OUTSIDE.format(port=1) + '[dialect]\nuse = "esperanto"\n', "there is no dialect 'esperanto'"),
        (_OUTSIDE.format(port=1).replace("cleartext_ports = []", 'ca_file = "no.pem"'), "CA file"),
    ],
)
def test_a_wrong_target_file_is_named_with_its_place(
    text: str, said: str, gateproof: Command, tmp_path: Path
) -> None:
    target = tmp_path / "target.toml"
    target.write_text(text)

    done = gateproof("audit", target, "--out", tmp_path / "runs")

    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_missing_target_file_and_an_unwritable_folder_are_the_operators_fault(
    gateproof: Command, tmp_path: Path
) -> None:
    target = tmp_path / "target.toml"
    target.write_text(_OUTSIDE.format(port=1))
    (tmp_path / "file").write_text("")

    missing = gateproof("audit", tmp_path / "none.toml")
    unwritable = gateproof("audit", target, "--out", tmp_path / "file")

    assert (missing.returncode, unwritable.returncode) == (2, 2)
    assert "no target file" in missing.stderr
    assert "cannot write below" in unwritable.stderr


def test_an_unreachable_gateway_decides_nothing_and_says_so(gateproof: Command, tmp_path: Path) -> None:
    target = tmp_path / "target.toml"
    target.write_text(_OUTSIDE.format(port=_closed_port()))

    done = gateproof("audit", target, "--out", tmp_path / "runs")

    assert done.returncode == 3
    assert "nothing listens there" in done.stderr
    assert "not decided: 0 of" in done.stdout


def test_a_wrong_admin_credential_is_told_once_and_decides_nothing(
    house: House, gateproof: Command, tmp_path: Path
) -> None:
    (house.target.parent / "gateway" / "admin.token").write_text("w" * 43)

    done = gateproof(
        "audit", house.target, "--out", tmp_path / "runs", "--sample", "2", "--claim", "K1", "--claim", "S1"
    )

    assert done.returncode == 3
    assert "answered 401" in done.stderr
    assert "check the admin credential" in done.stderr


def test_an_untrusted_certificate_is_told_and_decides_nothing_but_transport(
    house: House, gateproof: Command, tmp_path: Path
) -> None:
    house.target.write_text(house.target.read_text().replace('"gateway/ca.pem"', '"witness/ca.pem"'))

    done = gateproof(
        "audit", house.target, "--out", tmp_path / "runs", "--sample", "2", "--claim", "K1", "--claim", "T1"
    )

    assert done.returncode == 1
    assert "gateway.ca_file" in done.stderr
    assert "broken: T1; undecided: K1" in done.stdout


def test_a_taken_port_of_the_witness_is_told_before_anything_is_sent(
    house: House, gateproof: Command, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        lines = house.target.read_text().splitlines()
        house.target.write_text(
            "\n".join(f'listen = "127.0.0.1:{port}"' if x.startswith("listen") else x for x in lines)
        )

        done = gateproof("audit", house.target, "--out", tmp_path / "runs")

    assert done.returncode == 2
    assert "the witness cannot listen" in done.stderr
    assert list((tmp_path / "runs").iterdir()) == []


def test_a_selection_of_one_check_can_never_make_a_claim_pass(
    house: House, gateproof: Command, tmp_path: Path
) -> None:
    done = gateproof(
        "audit", house.target, "--out", tmp_path / "runs", "--check", "transport.tls12-is-refused"
    )

    assert done.returncode == 3
    assert (only_run(tmp_path / "runs") / "results.json").exists()
    assert "undecided: T1" in done.stdout


def test_a_run_recorded_by_another_version_is_cleaned_up_with_its_target_file(
    gateproof: Command, tmp_path: Path
) -> None:
    target, run = tmp_path / "target.toml", tmp_path / "run"
    target.write_text(_OUTSIDE.format(port=1))
    (run / "private").mkdir(parents=True)
    (run / "private" / "journal.jsonl").write_text("")
    (run / "private" / "target.json").write_text(
        json.dumps(
            {"file": str(target), "target": tomllib.loads(target.read_text()) | {"dialect": {"url": ""}}}
        )
    )

    alone = gateproof("cleanup", run)
    named = gateproof("cleanup", run, "--target", target)

    assert alone.returncode == 2
    assert "unknown field `url`" in alone.stderr
    assert "name the target file with --target" in alone.stderr
    assert (named.returncode, named.stdout) == (0, "0 gone, 0 may be left\n")


def test_a_folder_that_is_no_run_is_not_cleaned_up(gateproof: Command, tmp_path: Path) -> None:
    done = gateproof("cleanup", tmp_path)

    assert done.returncode == 2
    assert "it was forgotten, or it is not a run" in done.stderr
