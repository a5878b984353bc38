"""Where the gateway's own credentials show: in its logs, in what its processes tell of themselves, and in its answers."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from conformance.catalogue import Cost, Phase, observes
from conformance.collectors.following import captured
from conformance.collectors.places import procfs
from conformance.collectors.places.watcher import Watcher
from conformance.collectors.streams import Item, Missed
from conformance.collectors.surfaces import scan_surface
from conformance.collectors.watching import watched
from conformance.model.credentials import GatewayCredentials, Told
from conformance.model.evidence import CannotObserve
from conformance.model.scale import Disruption, Fault, Level
from conformance.model.storage import Sighting
from conformance.scan.engine import secret_engine
from conformance.scan.tally import Tally
from conformance.session import Session
from conformance.target import Surface
from conformance.target_file import secret

PROVIDER, ADMIN, CUSTOMER = "the provider's key", "the admin credential", "a customer's key"
_ROLES = frozenset({"log", "usage", "content-path"})  # where settings, and a copy of them, have no business
_LEAST = 12  # characters; a shorter secret stands in any text by chance
_MOST_KEYS = 4
_PROCESSES = Surface(kind="files", locator="processes")


@observes(
    phase=Phase.INSIDE,
    level=Level.INSIDE,
    disruption=Disruption.ACTIVE_SAFE,
    access=("surfaces",),
    cost=lambda target, _n: Cost(requests=2, seconds=5.0 * len(target.surfaces)),
)
async def gateway_credentials(session: Session) -> GatewayCredentials:
    """Look for the provider's key and the admin credential in logs, arguments of processes and answers."""
    own = _own(session)
    if not own:
        raise CannotObserve(
            "neither the provider's key nor an admin credential is declared, so that nothing can be looked for",
            fault=Fault.OPERATOR,
            decide="declare `witness.api_key`",
        )
    for path in (f"/{session.tag}-no-such-route", session.target.endpoint("models") or "/v1/models"):
        await session.door.send("GET", path)  # refusals, whatever else was asked for in this audit
    return await asyncio.to_thread(_searched, session, own)


def _own(session: Session) -> dict[str, str]:
    """The credentials that are the gateway's, as far as the target file names them and a search can be sure of them."""
    admin = session.target.credentials.admin
    found = {PROVIDER: session.provider_key, ADMIN: secret(admin, session.base) if admin else None}
    return {what: text for what, text in found.items() if text and len(text) >= _LEAST and text.isascii()}


@dataclass(slots=True)
class _Search:
    """A scan of several surfaces, entered in one ledger."""

    session: Session
    tally: Tally
    sightings: list[Sighting]

    def scan(
        self, surface: Surface, secrets: Mapping[str, str], found: Iterator[Item | Missed] | None
    ) -> None:
        look = scan_surface(
            surface,
            self.session.base,
            secret_engine(secrets),
            skip=(self.session.run_folder,),
            tally=self.tally,
            found=found,
        )
        self.sightings += look.first.values()


def _searched(session: Session, own: Mapping[str, str]) -> GatewayCredentials:
    search = _Search(session, Tally(), [])
    surfaces = [surface for surface in session.target.surfaces if surface.role in _ROLES]
    for surface in surfaces:
        search.scan(surface, own, captured(session, surface))
    arguments, given = _of_processes(session)
    keys = _customers(session)
    search.scan(_PROCESSES, {**own, **keys}, iter(arguments))
    if keys:  # that a gateway is given its own credentials by its environment is usual; a customer's key has no business there
        search.scan(_PROCESSES, keys, iter(given))
    heard = session.door.overheard
    return GatewayCredentials(
        sought=tuple(own),
        surfaces=tuple(surface.locator for surface in surfaces),
        coverage=search.tally.coverage(),
        sightings=tuple(search.sightings),
        answers=heard.answers,
        told=tuple(Told(what=what, status=status, times=n) for (what, status), n in heard.found.items()),
        processes=len(arguments) + len(given),
    )


def _customers(session: Session) -> dict[str, str]:
    """Some of the keys that this audit made, as customers would have them."""
    made = session.key_api.created if session.key_api is not None else []
    secrets = [key.secret for key in made if key.secret.isascii() and len(key.secret) >= _LEAST][:_MOST_KEYS]
    return {f"{CUSTOMER} ({number})": text for number, text in enumerate(secrets, start=1)}


def _of_processes(session: Session) -> tuple[list[Item], list[Item]]:
    """Arguments and environments of the gateway's processes, as far as these were watched."""
    watcher = watched(session, Watcher)
    if watcher is None:
        return [], []
    arguments = [_item(name, text) for text, name in list(watcher.said.items())]
    members = list(watcher.members.found.items())
    return arguments, [
        _item(f"environment of {m.process.name} ({pid})", _environment(pid)) for pid, m in members
    ]


def _environment(pid: int) -> bytes:
    try:
        return procfs.environment(pid)
    except PermissionError:
        return b""


def _item(name: str, text: bytes) -> Item:
    return Item(name=name, open=lambda: iter([text]), size=len(text))
