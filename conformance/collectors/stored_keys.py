"""How the keys of this run are stored: their secrets searched for everywhere, their records classified."""

import asyncio
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from conformance.catalogue import Cost, Phase, observes
from conformance.collectors.files import located
from conformance.collectors.following import captured
from conformance.collectors.passing_records import PassingRecords
from conformance.collectors.reading import UnreadableError, read_surface
from conformance.collectors.sqlite import rows
from conformance.collectors.surfaces import SurfaceLook, scan_surface
from conformance.dialects.speak import Key, KeyApi
from conformance.model.evidence import CannotObserve
from conformance.model.money import PICO_PER_USD
from conformance.model.scale import Disruption, Fault, Level
from conformance.model.storage import Sighting, StoredForm, StoredKey, StoredKeys
from conformance.scan.candidates import unsalted_needles
from conformance.scan.engine import Engine, secret_engine
from conformance.scan.records import Record, record_of_row
from conformance.scan.stored_form import Classified, KeyInStore, classify
from conformance.scan.tally import Tally
from conformance.session import Session
from conformance.target import Surface, Target
from conformance.target_file import secret

_MOST_KEYS = 4
_SETTLING_SECONDS = 1.0  # for stores that are written a moment later
_LEAST_IDENTIFIER = 6
_LEAST_CORE = 16  # a shorter last part is no secret of its own
_THREADS = 2  # that search ahead in an item of several megabytes
_LINKED = 20  # rows of other tables that share a key's number
_SETTINGS = 40  # rows in which a common salt may lie: of tables no longer than this
_LISTED = 20
_HELD = 1000  # rows of a table kept to follow references into


@dataclass(frozen=True, slots=True)
class _Sought:
    """A key to look for; the label stands for it in evidence."""

    label: str
    secret: str
    identifiers: tuple[bytes, ...]


@observes(
    phase=Phase.INSIDE,
    level=Level.INSIDE,
    disruption=Disruption.STATE_CHANGING,
    access=("account-surface", "admin"),
    cost=lambda target, _n: _cost(target),
)
async def stored_keys(session: Session) -> StoredKeys:
    """Find out how the keys of this run are stored."""
    api = session.keys()
    sought = _sought(_chosen(api))
    if not sought:
        raise CannotObserve(
            "no key was created in this run, so there is none whose storage could be examined",
            fault=Fault.SUITE,
            decide="run the key checks too, or see why no key could be created",
        )
    if len(sought) == 1:  # salts and keystreams are seen by comparing
        await api.create("stored", PICO_PER_USD)
        await asyncio.sleep(_SETTLING_SECONDS)
        sought = _sought(_chosen(api))
    return await asyncio.to_thread(_examined, session, sought)


def _examined(session: Session, sought: Sequence[_Sought]) -> StoredKeys:
    tally = Tally()
    forms: dict[str, list[StoredForm]] = defaultdict(list)
    classified: dict[str, list[Classified]] = defaultdict(list)
    stores: list[tuple[Surface, tuple[KeyInStore, ...]]] = []
    for surface in session.target.surfaces:
        engine = _engine(sought, account=surface.role == "account")
        items = captured(session, surface) or read_surface(surface, session.base, (session.run_folder,))
        records = PassingRecords({key.label: key.identifiers for key in sought})
        watched = records.watch(items) if _is_document(surface) else items
        look = scan_surface(surface, session.base, engine, tally=tally, found=watched)
        for label, form in _seen(look):
            forms[label].append(form)
        if surface.role == "account":
            stores.append((surface, _in_store(surface, session, sought, records)))
    # What opens one store may lie in another: settings are mostly declared as a surface of their own.
    beside = tuple(dict.fromkeys(r for _, keys in stores for key in keys[:1] for r in key.beside))
    peppers = tuple(secret(pepper, session.base).encode() for pepper in session.target.credentials.peppers)
    named = {key.label for _, keys in stores for key in keys if key.records}
    for surface, keys in stores:
        held = [replace(key, beside=beside, peppers=peppers) for key in keys]
        for result in classify(held, surface.locator):
            classified[result.label].append(result)
    return StoredKeys(
        keys=tuple(
            StoredKey(
                label=key.label,
                control=key.label in named,
                forms=_distinct([*forms[key.label], *(f for c in classified[key.label] for f in c.forms)]),
                unexplained=sum(c.unexplained for c in classified[key.label]),
                hashes_tried=sum(c.hashes for c in classified[key.label]),
            )
            for key in sought
        ),
        surfaces=tuple(surface.locator for surface in session.target.surfaces),
        coverage=tally.coverage(),
        encrypted=tuple(
            s.locator for s in session.target.surfaces if s.role == "account" and s.encryption != "none"
        ),
    )


def _chosen(api: KeyApi) -> tuple[Key, ...]:
    """Living keys: of one that was ended, nothing need be left that would show that the search sees.

    Those that were suspended come first, since some gateways write down what they refuse.
    """
    alive = tuple(sorted(api.alive(), key=lambda key: "-disable-" not in key.name))
    return alive if len(alive) > 1 else (*alive, *api.created)


def _sought(keys: Iterable[Key]) -> tuple[_Sought, ...]:
    """Up to four keys with different secrets, and the public identifiers that only they have."""
    chosen = list({key.secret: key for key in keys if key.secret.isascii()}.values())[:_MOST_KEYS]
    values = [{key.name, key.id, *key.variables.values()} - {key.secret} for key in chosen]
    shared = Counter(value for found in values for value in found)
    return tuple(
        _Sought(
            label=f"k{number}",
            secret=key.secret,
            identifiers=tuple(
                value.encode()
                for value in sorted(found)
                if len(value) >= _LEAST_IDENTIFIER and shared[value] == 1
            ),
        )
        for number, (key, found) in enumerate(zip(chosen, values, strict=True), start=1)
    )


def _engine(sought: Sequence[_Sought], *, account: bool) -> Engine:
    secrets: dict[str, str] = {}
    for key in sought:
        secrets[key.label] = key.secret
        core = re.split(r"[-_.]", key.secret)[-1]
        if _LEAST_CORE <= len(core) < len(key.secret) and core.encode() not in key.identifiers:
            secrets[f"{key.label} part"] = core
    digests = (needle for key in sought for needle in unsalted_needles(f"{key.label} digest", key.secret))
    return replace(secret_engine(secrets, digests if account else ()), threads=_THREADS)


def _seen(look: SurfaceLook) -> Iterator[tuple[str, StoredForm]]:
    """What the search itself says of a key: in clear, encoded, or as a digest without salt."""
    for sighting in look.first.values():
        label, _, what = sighting.label.partition(" ")
        yield (
            label,
            StoredForm(
                stored=_class(sighting, what),
                surface=sighting.surface,
                item=sighting.item,
                detail=" in ".join((sighting.form, *reversed(sighting.chain))),
            ),
        )


def _class(sighting: Sighting, what: str) -> str:
    if what == "digest":
        return "weak-digest" if sighting.form.startswith(("MD5", "SHA-1 ")) else "fast-unsalted"
    return "plain" if sighting.form == "raw" and not sighting.chain else "encoded"


def _distinct(forms: Iterable[StoredForm]) -> tuple[StoredForm, ...]:
    """The first of each class, surface and detail."""
    first: dict[tuple[str, str, str], StoredForm] = {}
    for form in forms:
        first.setdefault((form.stored, form.surface, form.detail), form)
    return tuple(first.values())[:_LISTED]


def _is_document(surface: Surface) -> bool:
    """Whether records are to be cut out of the surface's bytes: a database gives its rows as such."""
    return surface.role == "account" and surface.kind != "sqlite"


def _in_store(
    surface: Surface, session: Session, sought: Sequence[_Sought], passed: PassingRecords
) -> tuple[KeyInStore, ...]:
    """The records of a surface that name the keys: those that passed by, or the rows of a database."""
    found: dict[str, list[Record]] = defaultdict(list, passed.found)
    beside = passed.beside
    for path in located(surface.locator, session.base) if surface.kind == "sqlite" else ():
        beside += _from_database(path, sought, found)
    return tuple(
        KeyInStore(
            label=key.label,
            secret=key.secret,
            records=tuple(sorted(found[key.label], key=lambda record: len(record.fields))),
            beside=tuple(beside),
            identifiers=key.identifiers,
        )
        for key in sought
    )


def _from_database(
    path: Path, sought: Sequence[_Sought], found: Mapping[str, list[Record]]
) -> tuple[Record, ...]:
    """Rows that name a key, rows of other tables that share its number, and the rows of short tables."""
    tables: dict[str, list[tuple[Record, Mapping[str, bytes]]]] = defaultdict(list)
    numbers: dict[str, set[bytes]] = defaultdict(set)
    try:
        for table, number, row in rows(path):
            record = record_of_row(f"{path.name}: {table} row {number}", row)
            owners = [key for key in sought if record.names(key.identifiers)]
            for key in owners:
                found[key.label].append(record)
                numbers[key.label] |= {value for name, value in row.items() if _is_number(name, value)}
            if not owners and len(tables[table]) < _HELD:
                tables[table].append((record, row))
    except UnreadableError:
        return ()  # the scan of the surface has this gap in its ledger
    for label, own in numbers.items():
        linked = [record for held in tables.values() for record, row in held if own & _references(row)]
        found[label].extend(linked[:_LINKED])
    short = [record for held in tables.values() if len(held) <= _SETTINGS for record, _ in held]
    return tuple(short[:_SETTINGS])


def _is_number(name: str, value: bytes) -> bool:
    return name.lower().endswith(("id", "uuid")) and bool(value)


def _references(row: Mapping[str, bytes]) -> set[bytes]:
    return {value for name, value in row.items() if name.lower().endswith(("id", "key", "ref")) and value}


def _cost(target: Target) -> Cost:
    return Cost(requests=1, seconds=10.0 * len(target.surfaces))
