"""A credential in the place of the owner's: an ordinary key's, and another account's, on every operation of the key API."""

from msgspec import structs

from conformance.catalogue import Cost, Phase, observes
from conformance.dialects.speak import Key, KeyApi, KeyApiTrouble
from conformance.model.evidence import CannotObserve
from conformance.model.money import PICO_PER_USD
from conformance.model.scale import Disruption, Fault, Level
from conformance.model.tenancy import AccountSeparation, Tenancy
from conformance.probes import calls
from conformance.probes.keys.acting import Caller, Standing, routes, shown, speaking
from conformance.probes.keys.endpoints import decisive
from conformance.probes.keys.moving import moved
from conformance.randomness.identifiers import guessable
from conformance.session import Session
from conformance.target_file import secret

_TIMES = 3  # that a call is tried before nothing can be said


@observes(
    phase=Phase.TRESPASS,
    level=Level.OPERATOR,
    disruption=Disruption.STATE_CHANGING,
    access=("admin",),
    cost=lambda _target, _sample: Cost(requests=200),
)
async def tenancy(session: Session) -> Tenancy:
    """Try with an ordinary key what only an administrator may."""
    api = session.keys()
    mine, other = await api.create("tenant", PICO_PER_USD), await api.create("tenant-other", PICO_PER_USD)
    callers = [
        Caller(session, theirs, shown(theirs, mine.secret), other, mine) for theirs in _ways(session, mine)
    ]
    return await _trespassed(session, *callers)


@observes(
    phase=Phase.TRESPASS,
    level=Level.OPERATOR,
    disruption=Disruption.STATE_CHANGING,
    access=("admin", "other-account"),
    cost=lambda _target, _sample: Cost(requests=200),
)
async def account_separation(session: Session) -> AccountSeparation:
    """Try with another account's admin credential what only a key's own administrator may."""
    account = session.target.other_account
    if account is None:
        raise CannotObserve(
            "no other account is declared", fault=Fault.OPERATOR, decide="declare `other_account`"
        )
    credential = secret(account.admin, session.base)
    api = session.keys()
    key = await api.create("account", PICO_PER_USD)
    theirs = speaking(session, api, credential)
    admitted = await _admitted(session, credential)
    over = await moved(session, credential, key) if admitted else None
    found = await _trespassed(session, Caller(session, theirs, shown(api, credential), key))
    return AccountSeparation(**structs.asdict(found), admitted=admitted, moved=over)


def _ways(session: Session, mine: Key) -> list[KeyApi]:
    """The key API as a caller speaks it with an ordinary key, shown as an administrator's is, and as callers show theirs."""
    api, auth = session.keys(), session.target.gateway.auth
    value = auth.value.replace("{key}", "{credential}")
    dialects = [api.dialect]
    if (auth.header.lower(), value) != (api.dialect.auth_header.lower(), api.dialect.auth_value):
        dialects.append(structs.replace(api.dialect, auth_header=auth.header, auth_value=value))
    return [speaking(session, api, mine.secret, dialect) for dialect in dialects]


async def _trespassed(session: Session, *callers: Caller) -> Tenancy:
    """Everything that callers try, between two looks by the administrator whose key it is."""
    api, other = session.keys(), callers[0].other
    keys = (other,) if callers[0].mine is None else (callers[0].mine, other)
    before, served = await Standing.of(api, other, keys), await _serves(session, other)
    about = await routes(session, _owners(session), other)
    acts = tuple([act for caller in callers async for act in caller.acts(about)])
    after = await Standing.of(api, other, keys)
    serves = await _serves(session, other) if served else None
    ids = [key.id for key in api.created if key.id]
    return Tenancy(
        acts=acts,
        unanswered=sum(not act.decided for act in acts),
        admin_before=before.there,
        admin_after=after.there,
        other_serves=serves,
        limit_kept=before.kept(after),
        ids=len(ids),
        guessable=guessable(ids),
    )


async def _serves(session: Session, key: Key) -> bool | None:
    """Whether a key opens the chat endpoint; None where that cannot be told, as while a gateway is overloaded."""
    for _ in range(_TIMES if session.sees_provider() else 0):
        reply = await calls.send(session, calls.usual(session, key.secret, "tenancy"))
        if calls.admitted(reply) or decisive(reply):
            return calls.admitted(reply)
    return None


def _owners(session: Session) -> dict[str, str]:
    """The header that shows the admin credential of the account under audit."""
    admin = session.target.credentials.admin
    return shown(session.keys(), secret(admin, session.base)) if admin is not None else {}


async def _admitted(session: Session, credential: str) -> bool:
    """Whether a credential administers anything: else its refusals would prove nothing."""
    theirs = speaking(session, session.keys(), credential)
    try:
        if theirs.dialect.listing is not None:
            return bool(await theirs.pages())
        await theirs.revoke(await theirs.create("account-own", PICO_PER_USD))
    except KeyApiTrouble:
        return False
    return True
