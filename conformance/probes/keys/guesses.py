"""Admin secrets that stand in documentation and examples, tried where the true one is admitted."""

from functools import cache
from pathlib import Path

import msgspec

from conformance.catalogue import Cost, Phase, observes
from conformance.model.evidence import CannotObserve
from conformance.model.money import PICO_PER_USD
from conformance.model.scale import Disruption, Fault, Level
from conformance.model.tenancy import DefaultSecrets, Guess
from conformance.probes import calls
from conformance.probes.door import Reply
from conformance.probes.keys.endpoints import decisive
from conformance.session import Session


@cache
def well_known() -> tuple[str, ...]:
    """The secrets, from quick starts of gateways and from lists of common passwords."""
    return tuple(
        msgspec.json.decode((Path(__file__).parent / "default_secrets.json").read_bytes(), type=list[str])
    )


@observes(
    phase=Phase.PROVIDER,  # behind all other trespasses: whoever guesses may be shunned for longest
    level=Level.OPERATOR,
    disruption=Disruption.STATE_CHANGING,
    access=("admin",),
    cost=lambda _target, _sample: Cost(requests=len(well_known()) + 5),
)
async def default_secrets(session: Session) -> DefaultSecrets:
    """Try well-known admin secrets."""
    api = session.keys()
    look = api.look(await api.create("guessed", PICO_PER_USD))
    if look is None:
        raise CannotObserve(
            "the dialect describes no look that an administrator could take by a single GET",
            fault=Fault.OPERATOR,
            decide="describe `listing` or `read` in the dialect",
        )
    url = session.target.key_api_url() + look.path

    async def told(credential: str) -> Reply:
        shown = {api.dialect.auth_header: api.dialect.auth_value.replace("{credential}", credential)}
        return await session.door.send("GET", url, headers={**look.headers, **shown})

    before = calls.admitted(await session.door.send("GET", url, headers=look.admitted))
    open_ = calls.admitted(await session.door.send("GET", url, headers=look.headers))
    answers = [await told(credential) for credential in well_known()]
    after = calls.admitted(await session.door.send("GET", url, headers=look.admitted))
    return DefaultSecrets(
        guesses=tuple(
            Guess(
                number=number,
                told=calls.told(reply),
                admitted=calls.admitted(reply),
                decided=decisive(reply),
            )
            for number, reply in enumerate(answers, start=1)
        ),
        asked=look.path.partition("?")[0],
        before=before,
        after=after,
        open=open_,
    )
