"""The session: what an observation may use while it looks at the target."""

import random
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from conformance.canary.mint import Mint
from conformance.dialects.speak import KeyApi
from conformance.evidence.journal import Journal
from conformance.model.archive import PromptSent
from conformance.model.evidence import CannotObserve, Evidence
from conformance.model.preflight import Preflight, Price
from conformance.model.scale import Fault
from conformance.model.storage import SurfaceSize
from conformance.probes.door import Door
from conformance.probes.meter import Meter
from conformance.target import Target
from conformance.witness.server import Witness


@dataclass(slots=True, kw_only=True)
class Session:
    """One audit in progress. Observations read from it; nothing of it survives but evidence, journal and private folder."""

    target: Target
    base: Path  # folder of the target file; relative paths are taken from here
    tag: str = "gateproof"  # names the run to the target, in user agent and unknown routes: logs of requests hold it by necessity
    run_folder: Path  # our own files, never scanned
    own_folders: tuple[Path, ...] = ()  # others of ours, such as of the run that is looked at again
    trust: ssl.SSLContext  # verifies the target's certificate
    sample: int  # the profile's number of calls per path
    meter: Meter
    door: Door
    mint: Mint
    journal: Journal
    random: random.Random  # seeded; the seed stands in the run record
    key_api: KeyApi | None = None
    witness: Witness | None = None
    provider_key: str | None = None  # what the gateway is said to present to its provider
    own_key: str | None = None  # the ordinary key of the target file
    expected_values: list[str] = field(
        default_factory=list
    )  # public values of this run that stores hold by necessity
    prompts: tuple[PromptSent, ...] = ()  # texts exactly as they were sent, whose digests are searched for
    before: dict[str, SurfaceSize] = field(default_factory=dict)  # locator → size before content was sent
    asked: frozenset[str] = frozenset()  # ids of the checks that this audit makes
    wanted: frozenset[type[Evidence]] | None = None  # what this audit looks for; None: everything
    watched: dict[type, object] = field(default_factory=dict)  # what is looked at while content passes
    gathered: dict[type[Evidence], Evidence] = field(default_factory=dict)
    now: Callable[[], float] = time.time

    def keys(self) -> KeyApi:
        """The key API, or `CannotObserve` where the target file declares none."""
        if self.key_api is None:
            raise CannotObserve(
                "no admin credential and dialect were declared",
                fault=Fault.OPERATOR,
                decide="declare `credentials.admin` and `dialect` in the target file",
            )
        return self.key_api

    def provider(self) -> Witness:
        """The witness, or `CannotObserve` where none is declared."""
        if self.witness is None:
            raise CannotObserve(
                "no witness was declared, so nothing shows what reached the provider",
                fault=Fault.OPERATOR,
                decide="declare `witness` and route a model to it",
            )
        return self.witness

    def sees_provider(self) -> bool:
        """Whether the pre-flight proved that the gateway's provider is the witness; otherwise no content may be sent."""
        preflight = self.gathered.get(Preflight)
        steps = preflight.steps if isinstance(preflight, Preflight) else ()
        return self.witness is not None and any(s.proves == "witness" and s.trouble is None for s in steps)

    def require_provider(self) -> None:
        """Raise `CannotObserve` where a call could reach a provider that is not proven to be the witness."""
        if not self.sees_provider():
            raise CannotObserve(
                "the provider is not proven to be the witness, so no call may be made that could reach it",
                fault=Fault.OPERATOR,
                decide="route the model to the witness; see the pre-flight",
            )

    def price(self) -> Price:
        """What the model that probes call costs, or `CannotObserve` where the pre-flight could not learn it."""
        preflight = self.gathered.get(Preflight)
        if isinstance(preflight, Preflight) and preflight.price is not None:
            return preflight.price
        raise CannotObserve(
            "what a call costs is neither declared nor told by the gateway, and its usage records did not show it",
            fault=Fault.OPERATOR,
            decide="declare `prompt_price` and `completion_price` of the model in the target file",
        )
