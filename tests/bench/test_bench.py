"""The machinery of measuring, on measurements that cost nothing."""

from pathlib import Path

import msgspec
import pytest

from tests.bench.__main__ import main, run
from tests.bench.measure import Measurement, Result, measurements, table


def _measurement(name: str, value: float | None, better: str = "lower") -> Measurement:
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

    assert result is not None
    assert table([result]).startswith(mark)


def test_where_there_is_nothing_to_measure_no_line_is_written(tmp_path: Path) -> None:
    assert run([_measurement("absent.s", None)], tmp_path / "bench.json") == ()
    assert msgspec.json.decode((tmp_path / "bench.json").read_bytes(), type=list[Result]) == []


def test_measurements_are_found_by_their_decorators() -> None:
    found = {one.name for one in measurements()}

    assert {"audit.start_s", "cli.help_s", "gateway.requests_cpu_us", "judge.s", "scan.raw_mb_s"} <= found


def test_peers_are_none_yet(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--peers"]) == 0
    assert capsys.readouterr().out == "no peers are measured in this version\n"
