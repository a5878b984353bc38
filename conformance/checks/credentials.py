"""H2: the gateway's own credentials show nowhere."""

from conformance.catalogue import check
from conformance.model.credentials import GatewayCredentials
from conformance.model.scale import Level, Severity
from conformance.model.verdict import Fail, Inconclusive, Pass, Verdict

_SHOWN = 5


@check(
    "keys.gateway-credentials-stay-inside",
    claim="H2",
    severity=Severity.CRITICAL,
    level=Level.INSIDE,
    deciding=False,
    fix="Log no values of headers; hand credentials over by files or the environment, not as arguments; answer errors in fixed "
    "words.",
)
def gateway_credentials_stay_inside(credentials: GatewayCredentials) -> Verdict:
    """Neither the provider's key nor the admin credential shows in logs, arguments of processes or answers.

    Whoever reads a log, lists processes or provokes an error could otherwise spend the provider's account, or make keys.
    """
    seen = [f"{s.label} {s.how()}, {s.where()}" for s in credentials.sightings]
    told = [f"{t.what} in {t.times} answers with {t.status}" for t in credentials.told]
    if seen or told:
        whose = ", ".join(
            sorted({s.label for s in credentials.sightings} | {t.what for t in credentials.told})
        )
        return Fail(
            because=f"shown where it has no business: {whose}",
            expected="no credential of the gateway in any log, argument or answer",
            observed="; ".join([*told, *seen][:_SHOWN]),
            cites=(credentials,),
            reproduction="search the place named for the credential",
        )
    gaps = credentials.coverage.deciding_gaps()
    if gaps or not credentials.surfaces or not credentials.coverage.bytes_raw:
        return Inconclusive(
            because=f"{gaps[0].item}: {gaps[0].reason}" if gaps else "nothing was read of any log",
            decide="declare the logs as surfaces of role `log`, and let the audit read them",
            cites=(credentials,),
        )
    return Pass(
        because=f"{' and '.join(credentials.sought)} absent from {credentials.coverage.bytes_raw:,} bytes of "
        f"{len(credentials.surfaces)} surfaces, {credentials.processes} texts of processes and {credentials.answers} answers",
        cites=(credentials,),
    )
