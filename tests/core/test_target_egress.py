"""What a target file says of names to be watched, and of what the gateway changes on purpose."""

from pathlib import Path

import pytest

from conformance.stage import _tripwire
from conformance.target import WitnessPlace
from conformance.target_file import OperatorError, load
from conformance.target_sound import zone_complaint

HEAD = """
name = "t"
environment = "test"
[gateway]
base_urls = ["https://gateway.example"]
"""


@pytest.mark.parametrize(
    ("zone", "listen", "key"),
    [
        ("", "", None),
        ("trip.example", "127.0.0.1:5353", None),
        ("Trip.Example.", "[::1]:53", None),
        ("trip.example", "", "zone"),
        ("", "127.0.0.1:53", "zone"),
        ("trip..example", "127.0.0.1:53", "zone"),
        ("-trip.example", "127.0.0.1:53", "zone"),
        ("trip example", "127.0.0.1:53", "zone"),
        ("a." * 101, "127.0.0.1:53", "zone"),
        ("trip.example", "53", "dns_listen"),
        ("trip.example", "127.0.0.1:70000", "dns_listen"),
        ("trip.example", "127.0.0.1:dns", "dns_listen"),
    ],
)
def test_a_zone_and_where_its_names_are_answered_belong_together(
    zone: str, listen: str, key: str | None
) -> None:
    complaint = zone_complaint(zone, listen)

    assert (complaint and complaint[0]) == key


def test_a_target_file_with_half_of_it_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "target.toml"
    path.write_text(f'{HEAD}[witness]\nzone = "trip.example"\n')

    with pytest.raises(OperatorError, match=r"target\.toml:7: 'witness\.zone': give both"):
        load(path)


def test_transforms_are_read_as_they_are_named(tmp_path: Path) -> None:
    path = tmp_path / "target.toml"
    path.write_text(f'{HEAD}[claims]\ntransforms = ["user", "messages"]\n')

    assert load(path).claims.transforms == ("user", "messages")


@pytest.mark.parametrize(
    ("url", "listen", "address"),
    [
        ("", "127.0.0.1:9443", "127.0.0.1"),
        ("https://127.0.0.1:9443/v1", "0.0.0.0:9443", "127.0.0.1"),
        ("https://witness.trip.example/v1", "192.0.2.9:9443", "192.0.2.9"),
        ("https://witness.trip.example/v1", "0.0.0.0:9443", ""),
        ("", "[::1]:9443", "::1"),
    ],
)
def test_names_have_the_address_by_which_the_gateway_reaches_the_witness(
    url: str, listen: str, address: str
) -> None:
    place = WitnessPlace(url=url, listen=listen, zone="trip.example", dns_listen="127.0.0.1:5353")

    tripwire = _tripwire(place)

    assert tripwire is not None
    assert tripwire._address == address


def test_without_a_zone_no_names_are_answered() -> None:
    assert _tripwire(WitnessPlace()) is None
