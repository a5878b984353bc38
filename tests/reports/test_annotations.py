"""Annotations of GitHub Actions: one command a line, whatever the target said."""

import msgspec

from reports.annotations import render
from tests.reports.sample import sample_results

HOSTILE = "broken\n::set-env name=PATH::x\r\n::error title=a,b::c 100%"


def test_every_line_is_a_command_of_ours_whatever_the_target_said() -> None:
    found = sample_results()
    checks = tuple(msgspec.structs.replace(check, verdict="fail", because=HOSTILE) for check in found.checks)

    lines = render(msgspec.structs.replace(found, checks=checks)).splitlines()

    assert {line.split(" ", 1)[0] for line in lines} == {"::error", "::notice"}
    assert not any("::set-env name" in line.split("::", 2)[1] for line in lines)
    assert all("100%25" in line for line in lines if line.startswith("::error"))


def test_no_more_are_printed_than_are_shown() -> None:
    found = sample_results()
    many = tuple(
        msgspec.structs.replace(found.checks[0], id=f"room.check-{number}", verdict="fail")
        for number in range(40)
    )

    lines = render(msgspec.structs.replace(found, checks=many)).splitlines()

    assert sum(line.startswith("::error") for line in lines) == 10
