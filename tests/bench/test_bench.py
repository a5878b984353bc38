"""The machinery of measuring, on measurements that cost nothing."""

from pathlib import Path

import msgspec
import pytest

from tests.bench.__main__ import run
from tests.bench.measure import Measurement, NothingHereError, Result, measurements, table


def _measurement(name: str, value: float, better: str = "lower") -> Measurement:
    return msgspec.convert(
        {
            "name": name,
            "unit": "s",
            "target": 1.0,
            "better": better,
            "how": f"how {name} is measured",
            "take": lambda: value,
        },
        Measurement,
    )


def test_a_result_is_written_and_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run([_measurement("tiny.s", 0.123456)], tmp_path / "bench.json")

    assert msgspec.json.decode((tmp_path / "bench.json").read_bytes()) == [
        {
            "name": "tiny.s",
            "value": 0.1235,
            "unit": "s",
            "target": 1.0,
            "better": "lower",
            "how": "how tiny.s is measured",
        }
    ]
    assert capsys.readouterr().out == "✓  tiny.s  0.1235 s  ≤ 1  how tiny.s is measured\n"


@pytest.mark.parametrize(
    ("value", "better", "mark"),
    [
        (0.9, "lower", "✓"),
        (1.0, "lower", "✓"),
        (1.1, "lower", "✗"),
        (0.9, "higher", "✗"),
        (1.1, "higher", "✓"),
    ],
)
def test_a_missed_target_is_marked(value: float, better: str, mark: str) -> None:
    result = _measurement("x.s", value, better).result()

    assert table([result]).startswith(mark)


def test_what_cannot_be_measured_here_is_named_with_its_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def take() -> float:
        raise NothingHereError("abacus is not installed")

    absent = msgspec.structs.replace(_measurement("absent.s", 0), take=take)

    assert run([absent], tmp_path / "bench.json") == ()
    assert msgspec.json.decode((tmp_path / "bench.json").read_bytes(), type=list[Result]) == []
    assert "absent.s: not measured: abacus is not installed" in capsys.readouterr().err


def test_measurements_are_found_by_their_decorators() -> None:
    found = {one.name for one in measurements()}

    assert {"audit.start_s", "cli.help_s", "gateway.requests_cpu_us", "judge.s", "scan.vs_rg"} <= found


def test_measurements_beside_peers_are_made_only_when_asked_for() -> None:
    beside_peers = {one.name for one in measurements("tests.bench.peers")}

    assert "gateway.cpu_vs_litellm" in beside_peers
    assert not beside_peers & {one.name for one in measurements()}
