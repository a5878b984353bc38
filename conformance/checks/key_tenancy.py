"""H1: an ordinary key administers nothing, another account neither, and the admin credential is nobody's guess."""

from conformance.catalogue import check
from conformance.model.scale import Level, Severity
from conformance.model.tenancy import AccountSeparation, Act, Assigned, Assignment, DefaultSecrets, Tenancy
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
    return _judged(tenancy, "an ordinary key") or Pass(
        because=f"{len(tenancy.acts)} operations with an ordinary key were refused, or showed nobody else's",
        cites=(tenancy,),
        norm=(Norm(source="OWASP ASVS 5.0.0, 8.2.1 and 8.2.2", verdict="met"), *_ids(tenancy)),
    )


@check(
    "keys.accounts-are-separate",
    claim="H1",
    severity=Severity.CRITICAL,
    level=Level.OPERATOR,
    further="other-account",
    fix="Put the account of the credential into the query that fetches an object: what is not its own is not there.",
)
def accounts_are_separate(accounts: AccountSeparation) -> Verdict:
    """The administrator of one account can neither see, change nor end the keys of another.

    Every customer of a gateway is an administrator of something; a role alone keeps none of them from the others'.
    """
    who = "another account's admin credential"
    if accounts.moved:
        return _broken(accounts, who, ["a key was put among those of this account"])
    broken = _judged(accounts, who)
    if broken is not None:
        return broken
    if not accounts.admitted:
        return Inconclusive(
            because="the other account's admin credential was refused for what is its own, so that refusals prove nothing",
            decide="check `other_account.admin`",
            cites=(accounts,),
        )
    return Pass(
        because=f"{len(accounts.acts)} operations with another account's admin credential were refused, or showed its own only",
        cites=(accounts,),
        norm=(Norm(source="OWASP ASVS 5.0.0, 8.4.1", verdict="met"),),
    )


@check(
    "keys.nobody-writes-what-the-gateway-keeps",
    claim="H1",
    severity=Severity.HIGH,
    level=Level.OPERATOR,
    fix="Name the fields that each operation accepts, refuse or ignore all others, and never copy a body into a record.",
)
def nobody_writes_what_the_gateway_keeps(assignment: Assignment) -> Verdict:
    """What was spent, and what a key may do to others, cannot be written along with an ordinary change.

    Whoever can write the usage of a key has no limit any more (OWASP API3:2023, mass assignment).
    """
    if assignment.administers:
        return _written(assignment, "a key made with the role of an administrator sees the keys of others")
    took = [field for field in assignment.fields if field.took and not field.described]
    if took:
        return _written(assignment, _sent(took[0]), more=[_sent(field) for field in took[1:]])
    if (lacks := _unwritten(assignment)) is not None:
        return Inconclusive(
            because=lacks,
            decide="check `read` and `set_limit` in the dialect, and repeat the audit when the key API answers",
            cites=(assignment,),
        )
    offered = sorted({field.field for field in assignment.fields if field.took})
    meant = f" but {', '.join(offered)}, which the API's own document offers" if offered else ""
    return Pass(
        because=f"{len(assignment.fields)} times a field was sent that the gateway keeps, and none took{meant}",
        cites=(assignment,),
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


def _judged(tenancy: Tenancy, who: str) -> Verdict | None:
    """What is wrong with a caller's deeds, or keeps them from proving anything; None where all is well."""
    allowed = [_told(act) for act in tenancy.acts if _breaks(act)]
    if allowed:
        return _broken(tenancy, who, allowed)
    if tenancy.limit_kept is False:
        return _broken(tenancy, who, ["a limit changed although the change was refused"])
    if tenancy.other_serves is False:
        return _broken(tenancy, who, ["the other key was no longer served although all was refused"])
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
    return None


def _breaks(act: Act) -> bool:
    """A listing and further reads may be answered with what is the caller's own."""
    return act.allowed and (act.names or act.changes or act.operation in _ADMINISTERING)


def _told(act: Act) -> str:
    names = ", and the answer names another's key" if act.names else ""
    about = {"all": "", "itself": " of itself", "another": " of another key"}[act.about]
    return f"'{act.operation}'{about} was answered {act.told}{names}"


def _broken(tenancy: Tenancy, who: str, what: list[str]) -> Fail:
    return Fail(
        because=f"with {who}, {what[0]}" + (f" (+{len(what) - 1} more)" if what[1:] else ""),
        expected=f"every operation of the key API is refused to {who}",
        observed="; ".join(what[:_LISTED]),
        cites=(tenancy,),
        reproduction=f"perform the operation named with {who} in the place of the admin credential",
    )


def _ids(tenancy: Tenancy) -> tuple[Norm, ...]:
    """Ids that can be guessed harm nobody by themselves: they make each missing question for the owner worth more."""
    if not tenancy.ids:
        return ()
    return (
        Norm(
            source="public ids that cannot be guessed (OWASP API1:2023)",
            verdict="not met" if tenancy.guessable else "met",
            note=tenancy.guessable or f"{tenancy.ids} ids of keys show no order",
        ),
    )


def _unwritten(assignment: Assignment) -> str | None:
    """Why fields that did not take prove nothing; None where they do."""
    unanswered = sum(not field.decided for field in assignment.fields)
    if not assignment.changed:
        return "an ordinary change of a limit is not read back"
    if unanswered:
        return f"{unanswered} of {len(assignment.fields)} fields were not answered"
    return None if assignment.fields else "what is told of a key holds nothing that the gateway alone keeps"


def _sent(field: Assigned) -> str:
    return {
        "create": f"'{field.field}' sent along with a new key is read back of it",
        "change": f"'{field.field}' sent along with a new limit is read back of the key",
        "own": f"a key changed its own limit by {field.field}, where it may read itself",
    }[field.how]


def _written(assignment: Assignment, what: str, more: list[str] | None = None) -> Fail:
    more = more or []
    return Fail(
        because=what + (f" (+{len(more)} more)" if more else ""),
        expected="what only the gateway may write stays as it is",
        observed="; ".join([what, *more][:_LISTED]),
        cites=(assignment,),
        reproduction="add the field named to the body of the operation, and read the key",
    )
