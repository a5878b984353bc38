"""The last look before sealing: nothing that leaves may hold a key or a canary of the run, in any form."""

from collections.abc import Mapping
from dataclasses import dataclass

from conformance.canary.mint import Mint
from conformance.scan.engine import Engine, Found, canary_engine, secret_engine
from conformance.scan.tally import Tally


@dataclass(frozen=True, slots=True)
class Leak:
    """Something secret in what was about to leave: what, in which file, where, and in which form. Never its text."""

    what: str
    file: str
    offset: int
    form: str


def leaks(files: Mapping[str, bytes], mint: Mint, secrets: Mapping[str, str]) -> tuple[Leak, ...]:
    """What files (name → content) hold of the run's canaries and of secrets (label → text), names included."""
    engines = [canary_engine(mint), *([secret_engine(secrets)] if secrets else [])]
    found: dict[tuple[str, str], Leak] = {}
    for name, content in sorted(files.items()):
        for leak in _in_file(name, content, engines):
            found.setdefault((leak.what, leak.file), leak)
    return tuple(found.values())


def _in_file(name: str, content: bytes, engines: list[Engine]) -> list[Leak]:
    found: list[Leak] = []

    def sink(one: Found) -> None:
        form = " in ".join((one.form, *reversed(one.chain)))
        found.append(Leak(_called(one), name, one.offset, form))

    for engine in engines:
        engine.scan([content], sink, Tally(), name)
        engine.scan([name.encode()], sink, Tally(), name)
    return found


def _called(found: Found) -> str:
    if found.label:
        return found.label
    if found.canary is None:
        return "the marker of this run's canaries"
    return f"canary {found.canary.sequence} ({found.canary.field}, {found.canary.path})"
