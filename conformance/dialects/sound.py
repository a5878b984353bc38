"""Whether a dialect can mean what it says: what its types cannot express. Pure."""

from collections.abc import Iterator

from conformance.dialects.grammar import Call, Dialect, Operation

_PRICES = {"items", "model", "prompt", "completion"}
_OPERATIONS = (
    "create", "create_limited", "create_windowed", "create_expiring", "read", "own", "set_limit", "disable", "enable", "revoke",
    "rotate", "remove_owner", "create_account", "create_in_account", "set_account_limit", "remove_account",
)  # fmt: skip


def complaint(dialect: Dialect) -> tuple[str, str] | None:
    """The first thing that cannot be meant: (key, what is wrong), or None."""
    return next(_complaints(dialect), None)


def _complaints(dialect: Dialect) -> Iterator[tuple[str, str]]:
    for key, pointer in _pointers(dialect):
        if pointer and not pointer.startswith("/"):
            yield key, f"'{pointer}' is not a JSON pointer (RFC 6901): it begins with '/'"
    for key, call in _calls(dialect):
        if not call.path.startswith("/"):
            yield key, f"the path '{call.path}' does not begin with '/'"
        if call.at == "content-api" and call.credential == "admin":
            yield (
                key,
                'the admin credential goes to the key API only: give `credential = "key"`, or leave `at` out',
            )
    if "{credential}" not in dialect.auth_value:
        yield "auth_value", "the value must hold {credential}"
    if dialect.prices and dialect.prices.keys() != _PRICES:
        yield "prices", f"give all of {', '.join(sorted(_PRICES))}, or none"
    yield from _lacking(dialect)


def _lacking(dialect: Dialect) -> Iterator[tuple[str, str]]:
    """What operations do not capture that others need, or that is there by halves."""
    for key, needed in (
        ("create", {"secret", "id"}),
        ("create_limited", {"secret", "id"}),
        ("create_windowed", {"secret", "id"}),
        ("create_expiring", {"secret", "id", "expires"}),
        ("rotate", {"secret"}),
        ("create_account", {"account"}),
        ("create_in_account", {"secret", "id"}),
    ):
        operation: Operation | None = getattr(dialect, key)
        if operation is not None and (lacks := needed - _captured(operation)):
            yield key, f"its calls must capture {' and '.join(sorted(lacks))}"
    if (dialect.create_account is None) != (dialect.create_in_account is None):
        yield "create_account", "give both `create_account` and `create_in_account`, or neither"


def _captured(operation: Operation) -> set[str]:
    return {variable for call in operation.calls for variable in call.capture}


def _calls(dialect: Dialect) -> Iterator[tuple[str, Call]]:
    for key in _OPERATIONS:
        operation: Operation | None = getattr(dialect, key)
        for call in operation.calls if operation is not None else ():
            yield key, call
    for call in dialect.further_reads:
        yield "further_reads", call
    if dialect.listing is not None:
        yield "listing", dialect.listing.call


def _pointers(dialect: Dialect) -> Iterator[tuple[str, str]]:
    for key, call in _calls(dialect):
        for pointer in call.capture.values():
            yield key, pointer
    if dialect.listing is not None:
        pages = dialect.listing
        inside = (pages.id, pages.name, pages.limit, pages.created, pages.used, pages.label)
        for pointer in (pages.items, pages.cursor, *inside):
            yield "listing", pointer
    for pointer in (dialect.error_code, *dialect.prices.values()):
        yield "prices" if pointer in dialect.prices.values() else "error_code", pointer
