"""Whatever stands in the configuration file, the operator is told what to mend in one line, or it can be used."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reference_gateway.config import Config, ConfigError, load
from tests.reference_gateway.gateway import write_config, write_tls
from tests.reference_gateway.unhurried import UNHURRIED

MANY = settings(
    UNHURRIED,
    max_examples=150,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
EVERYTHING = """
authentication = "x-api-key"
minimum_tls = "1.2"
endpoints = ["chat/completions", "messages"]
[bounds]
max_head = 1024
max_body = 1024
head_seconds = 1.5
max_connections = 3
"""
TIERED = """
[[models]]
name = "tiered"
provider = "stub"
upstream_name = "vendor/tiered"
max_output_tokens = 100
image_tokens = 5
price = { prompt = "1.00", completion = 2, cached = "0.5", request = "0.1", tiers = [{ above = 9, prompt = 1, completion = 1 }] }
"""
ODD = [
    "0",
    "-1",
    "1",
    "99999999999999999999",
    "9" * 5000,
    "1e400",
    "-0.0",
    "inf",
    "-inf",
    "nan",
    "1.5",
    "0x10",
    "true",
    '""',
    '"a"',
    '"\\u0000"',
    '"a\\nb"',
    '"\\u202e"',
    '"' + "a" * 300 + '"',
    "'\\'",
    '"é"',
    "[]",
    "[1]",
    '[""]',
    "{}",
    "{ a = 1 }",
    "1979-05-27",
    "07:32:00",
    "1979-05-27T07:32:00Z",
    '"https://["',
    '"https://a:99999/v1"',
    '"https://a:b/"',
    '"https://a:-1/"',
    '"https://:443"',
    '"https://[::1]:443/v1"',
    '"https://%zz.example/v1"',
    '"https://a/v1?b"',
    '"http://a"',
    '"//a"',
    '"https://a\\u0000"',
    '"https://\\u2100"',
    '"NaN"',
    '"1e5"',
    '"Infinity"',
    '"-1"',
    '"1.0000001"',
    '"1_0"',
    '"٣"',
    '"../../etc/passwd"',
    '"/dev/null"',
    '"."',
    '"~"',
    '"stub"',
    '"first"',
    "[" * 3000,
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("config")
    write_tls(folder)
    return folder


def lines(folder: Path) -> list[str]:
    """A configuration with something in every field."""
    text = write_config(folder, "https://127.0.0.1:1/v1", ["ordinary"], EVERYTHING).read_text()
    return (text + TIERED).splitlines()


def loaded(folder: Path, text: bytes) -> Config | str:
    """What comes of it, or what the operator is told. Anything else is raised."""
    path = folder / "hostile.toml"
    path.write_bytes(text)
    try:
        return load(path)
    except ConfigError as complaint:
        return str(complaint)


def well_said(outcome: Config | str) -> bool:
    return isinstance(outcome, Config) or (outcome != "" and outcome.isprintable())


def test_what_is_mangled_here_is_fine_as_it_was(folder: Path) -> None:
    assert isinstance(loaded(folder, "\n".join(lines(folder)).encode()), Config)


@MANY
@given(text=st.binary(max_size=200))
def test_any_bytes(folder: Path, text: bytes) -> None:
    assert well_said(loaded(folder, text))


@MANY
@given(data=st.data(), value=st.sampled_from(ODD))
def test_any_value_in_any_field(folder: Path, data: st.DataObject, value: str) -> None:
    text = lines(folder)
    at = data.draw(st.sampled_from([at for at, line in enumerate(text) if " = " in line]))
    text[at] = text[at].partition(" = ")[0] + " = " + value

    assert well_said(loaded(folder, "\n".join(text).encode()))


@MANY
@given(data=st.data())
def test_any_lines_missing_or_twice_or_elsewhere(folder: Path, data: st.DataObject) -> None:
    text = lines(folder)
    chosen = data.draw(st.lists(st.sampled_from(text), min_size=1, max_size=2 * len(text)))
    kept = data.draw(st.sampled_from([chosen, [line for line in text if line not in chosen], text + chosen]))

    assert well_said(loaded(folder, "\n".join(kept).encode()))


@MANY
@given(at=st.integers(0, 2000), length=st.integers(0, 20), instead=st.binary(max_size=10))
def test_any_piece_of_it_replaced(folder: Path, at: int, length: int, instead: bytes) -> None:
    text = "\n".join(lines(folder)).encode()

    assert well_said(loaded(folder, text[:at] + instead + text[at + length :]))
