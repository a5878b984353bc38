"""Setting the stage: from a target file to a session with its witness, key API and run folder; and clearing up afterwards."""

import asyncio
import random
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from conformance.canary.mint import Mint
from conformance.catalogue import Phase, observations
from conformance.collectors.surfaces import measure
from conformance.collectors.watching import watching
from conformance.dialects.speak import KeyApi, KeyApiTrouble
from conformance.evidence.folder import RunFolder
from conformance.evidence.journal import Journal, Leftover, leftovers
from conformance.model.declared import Declared, DeclaredSurface
from conformance.model.evidence import CannotObserve, Evidence
from conformance.model.money import from_usd
from conformance.probes.door import Door
from conformance.probes.meter import Meter
from conformance.session import Session
from conformance.target import Target, WitnessPlace
from conformance.target_file import OperatorError, as_document, dialect_of, secret
from conformance.witness.canaries import Minted
from conformance.witness.server import Witness, address
from conformance.witness.tls import server_context
from conformance.witness.tripwire import Tripwire, is_address

PROFILES = {"quick": 60, "standard": 300, "thorough": 3000}
_CLEAR_UP_SECONDS = 60.0
_GRACE_SECONDS = 0.5
JOURNAL = "journal.jsonl"
_INSEPARABLE = {Phase.KEYS, Phase.CAMPAIGN, Phase.INSIDE}


@dataclass(slots=True, kw_only=True)
class Stage:
    """A session, where it is recorded, and what the run record says about it."""

    session: Session
    folder: RunFolder
    run: str
    suite: str
    profile: str
    seed: int
    started: datetime
    target_file: str
    watches: AsyncExitStack = field(default_factory=AsyncExitStack)  # closed with the stage

    async def before(self, phase: Phase) -> None:
        """What must be noted before a phase begins: before content is sent, the size of every surface, and all from then on."""
        if phase is Phase.CAMPAIGN:
            await self.watches.enter_async_context(watching(self.session))
            for surface in self.session.target.surfaces:
                self.session.before[surface.locator] = await asyncio.to_thread(
                    measure, surface, self.session.base
                )

    async def clear_up(self) -> tuple[str, ...]:
        """Revoke every key of this run; the names of those that may still be alive.

        Raises CannotRecord where the run folder cannot be written any more, after every key was tried.
        """
        api = self.session.key_api
        if api is None:
            self._keep_what_was_sent()
            return ()
        self.session.meter.clear_up()
        path = self.folder.private / JOURNAL
        with suppress(TimeoutError):  # what may still be alive is named below, and `cleanup` can try again
            async with asyncio.timeout(_CLEAR_UP_SECONDS):
                await _clear_all(api, path)
        self._keep_secrets(api)
        self._keep_what_was_sent()
        return tuple(sorted(entry.name for entry in leftovers(path)))

    def _keep_secrets(self, api: KeyApi) -> None:
        """Secrets of this run stay in the private folder, so that surfaces can be searched for them again later."""
        secrets = [{"name": key.name, "secret": key.secret} for key in api.created]
        self.folder.keep_private("secrets.json", msgspec.json.encode(secrets))

    def _keep_what_was_sent(self) -> None:
        """So do the canaries that were issued, some of the texts that carried them, and the public values that stores hold."""
        self.folder.keep_private("issued.json", msgspec.json.encode(tuple(self.session.mint.issued.values())))
        self.folder.keep_private("prompts.json", msgspec.json.encode(self.session.prompts))
        self.folder.keep_private("values.json", msgspec.json.encode(tuple(self.session.expected_values)))


async def _clear_all(api: KeyApi, path: Path) -> None:
    """Revoke everything that the journal leaves open, twice where the first time fails.

    A key whose creation was interrupted may come to exist a moment later: the gateway gets time to finish what it had begun.
    """
    for _ in range(2):
        entries = leftovers(path)
        if any(not entry.variables for entry in entries):
            await asyncio.sleep(_GRACE_SECONDS)
        troubles = await asyncio.gather(*(_clear(api, entry) for entry in entries), return_exceptions=True)
        for trouble in troubles:
            if trouble is not None:
                raise trouble


async def _clear(api: KeyApi, entry: Leftover) -> None:
    with suppress(CannotObserve):
        await api.clear(entry)


def folder_of(target_file: Path) -> Path:
    """The folder from which a target file's relative paths are taken."""
    return target_file.resolve().parent


def declare(target: Target) -> Declared:
    """What the target file declares, as evidence."""
    dialect = dialect_of(target)
    return Declared(
        name=target.name,
        environment=target.environment,
        base_urls=target.gateway.base_urls,
        admin_url=target.key_api_url() if target.key_api_apart() else "",
        models=tuple(target.models),
        endpoints=tuple(f"{e.kind} {e.path}" for e in target.inference),
        dialect=dialect.name if dialect else "",
        access=tuple(sorted(target.access())),
        levels=tuple(sorted(level.value for level in target.levels())),
        promises=target.claims,
        surfaces=tuple(
            DeclaredSurface(
                kind=s.kind, locator=s.locator, role=s.role, encryption=s.encryption, exclude=s.exclude
            )
            for s in target.surfaces
        ),
        authorised=_permission(target),
    )


def _permission(target: Target) -> str:
    """Who permitted looks that may disturb; empty where nobody did."""
    given = target.authorisation
    return f"{given.by}, {given.reference}, until {given.until}" if given else ""


@asynccontextmanager
async def open_stage(
    target: Target,
    *,
    target_file: Path,
    folder: RunFolder,
    run: str,
    profile: str,
    seed: int,
    sample: int | None = None,
) -> AsyncIterator[Stage]:
    """Open everything an audit needs, and close it again. Raises OperatorError for whatever the operator must mend first."""
    base = folder_of(target_file)
    trust = trust_context(target, base)
    run_key = _run_key(folder)
    mint = Mint(run_key)
    meter = Meter(target.limits)
    tag = f"gateproof-{run}"
    door = Door(target, trust, meter, agent=tag)
    journal = Journal(folder.private / JOURNAL)
    folder.keep_private(
        "target.json", msgspec.json.encode({"file": str(target_file), "target": as_document(target)})
    )
    witness = _witness(target, base, mint)
    watches = AsyncExitStack()
    try:
        if witness is not None:
            await _start(witness, target)
        session = Session(
            target=target,
            base=base,
            tag=tag,
            expected_values=[tag],
            run_folder=folder.path.resolve(),
            trust=trust,
            sample=sample or PROFILES[profile],
            meter=meter,
            door=door,
            mint=mint,
            journal=journal,
            random=random.Random(seed),  # noqa: S311 - shuffles and pauses, no secrets
            key_api=key_api(target, base, door, journal, run),
            witness=witness,
            provider_key=_provider_key(target, base),
            own_key=secret(target.credentials.key, base) if target.credentials.key else None,
        )
        door.overheard.listen({"the provider's key": session.provider_key})
        _remember(folder, session)
        yield Stage(
            session=session,
            folder=folder,
            run=run,
            suite=version("gateproof"),
            profile=profile,
            seed=seed,
            started=datetime.now(UTC),
            target_file=target_file.name,
            watches=watches,
        )
    finally:
        await watches.aclose()
        journal.close()
        await door.close()
        if witness is not None:
            await witness.stop()


def key_api(target: Target, base: Path, door: Door, journal: Journal, run: str) -> KeyApi | None:
    """The key API of a target, or None where no admin credential and dialect are declared."""
    dialect = dialect_of(target)
    if dialect is None or target.dialect is None or target.credentials.admin is None:
        return None
    return KeyApi(
        dialect,
        door,
        journal,
        url=target.key_api_url(),
        credential=secret(target.credentials.admin, base),
        per_usd=target.dialect.per_usd or dialect.per_usd,
        grain=from_usd(target.claims.usage_unit),
        run=run,
        variables=target.dialect.variables,
    )


def trust_context(target: Target, base: Path) -> ssl.SSLContext:
    """What verifies the target's certificate: the platform's authorities, or the declared private one. Raises OperatorError."""
    if not target.gateway.ca_file:
        return ssl.create_default_context()
    path = base / target.gateway.ca_file
    try:
        return ssl.create_default_context(cafile=str(path))
    except (OSError, ssl.SSLError) as trouble:
        raise OperatorError(f"the CA file {path} cannot be used: {trouble}") from None


async def cleanup(
    target: Target, base: Path, folder: RunFolder, run: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Revoke whatever an interrupted run left on its target: (names now gone, complaints about the others)."""
    path = folder.private / JOURNAL
    if not path.exists():
        raise OperatorError(f"{folder.path} has no journal: it was forgotten, or it is not a run")
    open_entries = leftovers(path)
    journal = Journal(path)
    door = Door(target, trust_context(target, base), Meter(target.limits))
    gone, complaints = [], []
    try:
        api = key_api(target, base, door, journal, run)
        for entry in open_entries:
            if api is None:
                complaints.append(
                    f"{entry.name}: the target file no longer declares an admin credential and dialect"
                )
                continue
            try:
                await api.clear(entry)
                gone.append(entry.name)
            except KeyApiTrouble as trouble:
                complaints.append(f"{entry.name}: {trouble}")
    finally:
        journal.close()
        await door.close()
    return tuple(gone), tuple(complaints)


def _run_key(folder: RunFolder) -> bytes:
    path = folder.private / "run.key"
    if path.exists():
        return path.read_bytes()
    import secrets

    key = secrets.token_bytes(32)
    folder.keep_private("run.key", key)
    return key


def _remember(folder: RunFolder, session: Session) -> None:
    """Take up what an earlier, interrupted part of this run observed.

    The pre-flight is always made anew, since access may have changed. Keys, campaign and the looks inside belong together:
    what is searched for inside was made in the same process, so unless all of them are there, none of them counts.
    """
    kept = {o.yields: folder.read(o.yields) for o in observations() if o.phase is not Phase.PREFLIGHT}
    together = {o.yields for o in observations() if o.phase in _INSEPARABLE}
    if any(kept[kind] is None for kind in together):
        kept = {kind: found for kind, found in kept.items() if kind not in together}
    session.gathered |= {kind: found for kind, found in kept.items() if isinstance(found, Evidence)}


def _witness(target: Target, base: Path, mint: Mint) -> Witness | None:
    place = target.witness
    if place is None:
        return None
    host, _, port = place.listen.rpartition(":")
    tls = None
    if place.certificate:
        try:
            tls = server_context(base / place.certificate, base / place.private_key)
        except (OSError, ssl.SSLError) as trouble:
            raise OperatorError(f"the witness's certificate cannot be used: {trouble}") from None
    return Witness(
        host=host.strip("[]"),
        port=int(port),
        tls=tls,
        canaries=Minted(mint),
        tripwire=_tripwire(place),
    )


def _tripwire(place: WitnessPlace) -> Tripwire | None:
    """What answers the names of the declared zone, with the address by which the gateway reaches the witness."""
    if not place.zone:
        return None
    hosts = (urlsplit(place.url).hostname or "", place.listen.rpartition(":")[0].strip("[]"))
    return Tripwire(
        listen=address(place.dns_listen),
        zone=place.zone,
        address=next((host for host in hosts if is_address(host)), ""),
    )


def _provider_key(target: Target, base: Path) -> str | None:
    place = target.witness
    return secret(place.api_key, base) if place is not None and place.api_key is not None else None


async def _start(witness: Witness, target: Target) -> None:
    place = target.witness
    try:
        await witness.start()
    except OSError as trouble:
        listen = " or ".join(filter(None, (place.listen, place.dns_listen))) if place else ""
        raise OperatorError(
            f"the witness cannot listen on {listen}: {trouble.strerror or trouble}; "
            "free that address or change `witness.listen` together with the gateway's provider URL"
        ) from None
