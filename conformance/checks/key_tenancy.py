"""H1: an ordinary key administers nothing, and the admin credential is nobody's guess."""

from conformance.catalogue import check
from conformance.model.scale import Level, Severity
from conformance.model.tenancy import Act, DefaultSecrets, Tenancy
from conformance.model.verdict import Fail, Inconclusive, Norm, Pass, Verdict

_LISTED = 5
_ADMINISTERING = {"create", "set_limit", "read", "disable", "enable", "rotate", "revoke"}


@check(
    "keys.ordinary-keys-administer-nothing",
    claim="H1",
    severity=Severity.CRITICAL,
    level=Level.OPERATOR,
    fix="Ask for the administrator's role before every operation of the key API, and for the owner before every object; name the "
    "fields that a caller may change, and ignore no other.",
)
def ordinary_keys_administer_nothing(tenancy: Tenancy) -> Verdict:
    """An ordinary key can neither see, make, change nor end keys, nor raise its own limit.

    Whoever has a key of a gateway would otherwise have all of them (OWASP API1:2023 and API5:2023).
    """
    allowed = [act for act in tenancy.acts if _breaks(act)]
    if allowed:
        return _broken(tenancy, [_told(act) for act in allowed])
    if tenancy.limit_kept is False:
        return _broken(tenancy, ["a limit changed although the change was refused"])
    if tenancy.other_serves is False:
        return _broken(tenancy, ["the other key was no longer served although all was refused"])
    if not (tenancy.admin_before and tenancy.admin_after):
        return Inconclusive(
            because="the administrator could not read the other key either, so that refusals prove nothing",
            decide="check `read` and `listing` in the dialect",
            cites=(tenancy,),
        )
    if tenancy.unanswered or not tenancy.acts:
        return Inconclusive(
            because=f"{tenancy.unanswered} of {len(tenancy.acts)} operations were not answered",
            decide="repeat the audit when the key API answers",
            cites=(tenancy,),
        )
    return Pass(
        because=f"{len(tenancy.acts)} operations with an ordinary key were refused, or showed nobody else's",
        cites=(tenancy,),
        norm=(Norm(source="OWASP ASVS 5.0.0, 8.2.1 and 8.2.2", verdict="met"),),
    )


@check(
    "keys.default-admin-secrets-are-refused",
    claim="H1",
    severity=Severity.CRITICAL,
    level=Level.OPERATOR,
    fix="Start only with an admin secret of 20 random characters or more, and refuse those of examples and documentation.",
)
def default_admin_secrets_are_refused(tried: DefaultSecrets) -> Verdict:
    """No admin secret from an example or a list of common passwords opens the key API.

    Quick starts are copied to production, and everybody knows what stands in them.
    """
    admitted = [guess for guess in tried.guesses if guess.admitted]
    if tried.open or admitted:
        what = (
            "no credential at all"
            if tried.open
            else f"a well-known secret (number {admitted[0].number} of our list)"
        )
        return Fail(
            because=f"{what} opens {tried.asked}",
            expected="the admin credential of this deployment, and no other",
            observed="open to anybody"
            if tried.open
            else f"{len(admitted)} of {len(tried.guesses)} were admitted",
            cites=(tried,),
            reproduction="ask for the path named with each secret of the list in conformance/probes/keys",
        )
    if not (tried.before and tried.after) or tried.seen() < len(tried.guesses):
        return Inconclusive(
            because="the true admin credential was not admitted before and after, or guesses were not answered",
            decide="repeat the audit when the key API answers; see whether it shuns whoever guesses",
            cites=(tried,),
        )
    return Pass(
        because=f"{len(tried.guesses)} well-known secrets were refused at {tried.asked}, the true one admitted before and after",
        cites=(tried,),
    )


def _breaks(act: Act) -> bool:
    """A listing and further reads may be answered with what is the caller's own."""
    return act.allowed and (act.names or act.operation in _ADMINISTERING)


def _told(act: Act) -> str:
    names = ", and the answer names another's key" if act.names else ""
    about = {"all": "", "itself": " of itself", "another": " of another key"}[act.about]
    return f"'{act.operation}'{about} was answered {act.told}{names}"


def _broken(tenancy: Tenancy, what: list[str]) -> Fail:
    return Fail(
        because=f"with an ordinary key, {what[0]}" + (f" (+{len(what) - 1} more)" if what[1:] else ""),
        expected="every operation of the key API is refused to an ordinary key",
        observed="; ".join(what[:_LISTED]),
        cites=(tenancy,),
        reproduction="perform the operation named with an ordinary key in the place of the admin credential",
    )
