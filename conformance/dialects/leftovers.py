"""The end of a key, also of one of which no more than its name is known."""

from collections.abc import Mapping
from typing import Any

from conformance.dialects.keys import Key, KeyApiTrouble
from conformance.dialects.speaker import MAX_PAGES, Speaker
from conformance.dialects.template import entries, follow
from conformance.model.scale import Fault
from conformance.probes.door import Answer

_GONE = {404, 410}  # RFC 9110, 15.5.5 and 15.5.11


async def end(speaker: Speaker, key: Key) -> Answer:
    """End a key for good, then the user or team that was made for it; or an account, where the dialect can."""
    dialect = speaker.dialect
    if not key.id and "account" in key.variables:
        if dialect.remove_account is None:
            return key.creation
        return (await speaker.perform("remove_account", dialect.remove_account, speaker.of(key)))[1]
    _, answer = await speaker.perform("revoke", dialect.revoke, speaker.of(key))
    if dialect.remove_owner is not None and "account" not in key.variables:
        await speaker.perform("remove_owner", dialect.remove_owner, speaker.of(key))
    return answer


async def ended(speaker: Speaker, name: str, known: Mapping[str, str], *, again: bool) -> None:
    """End a key of a name, whose identifiers may be `known`; `again`: there may be a second one of that name.

    Raises KeyApiTrouble where it is not known to be gone afterwards.
    """
    variables = dict(known) or await _find(speaker, name)
    if not variables:
        return
    nothing = Answer(status=0, headers=(), body=b"", ms=0)
    try:
        await end(speaker, Key(name, "", variables.get("id", ""), None, variables, nothing))
    except KeyApiTrouble as trouble:
        # Revoked before, and the audit was killed before it could note that? Only the listing can tell.
        if trouble.status not in _GONE or await _find(speaker, name):
            raise
    if again and await _find(speaker, name):
        raise KeyApiTrouble(
            f"there is still a key of the name '{name}'",
            fault=Fault.TARGET,
            decide="run `gateproof cleanup` once more",
        )


async def _find(speaker: Speaker, name: str) -> dict[str, str]:
    """The identifiers of a key by its name; empty where the listing, read whole, does not hold it."""
    pages = speaker.dialect.listing
    if pages is None or not pages.name:
        raise KeyApiTrouble(
            f"the dialect '{speaker.dialect.name}' cannot list keys by name, so it is unknown whether '{name}' exists",
            fault=Fault.OPERATOR,
            decide="look for keys of this name on the gateway by hand",
        )
    listed = [(answer, entries(answer.json(), pages.items)) for answer in await speaker.pages()]
    names: list[Any] = []
    for answer, items in listed:
        if items is None:
            raise speaker.trouble("listing", "the answer holds no array where the dialect says it is", answer)
        for item in items:
            names.append(follow(item, pages.name))
            public = follow(item, pages.id)
            if names[-1] == name and public is not None:
                return {"id": str(public), "name": name}
    # Not found means something only where the reading of names can find, and where nothing was left unread.
    if name in names or (names and not any(names)) or len(listed) >= MAX_PAGES:
        raise speaker.trouble(
            "listing",
            f"{len(names)} keys were read, and it does not show whether '{name}' is one",
            listed[-1][0],
        )
    return {}
