"""What target files are made of: tables that refuse unknown keys, and credentials that are named and never given."""

from typing import Annotated

import msgspec
from msgspec import Meta


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the target file; unknown keys are refused."""


def doc(text: str) -> Meta:
    """What the reference page says of a key."""
    return Meta(description=text)


class Secret(Part, frozen=True, kw_only=True):
    """Where a credential is found; never the credential itself. Exactly one of the two."""

    env: Annotated[str, doc("name of an environment variable that holds it")] = ""
    file: Annotated[str, doc("a file that holds it, relative to the target file")] = ""


class OtherEnvironment(Part, frozen=True, kw_only=True):
    """Another deployment of the same gateway, such as the one for development, whose keys must not be good here."""

    base_url: Annotated[str, doc("its origin; nothing is sent there but requests that cost nothing")]
    key: Annotated[Secret, doc("an ordinary key of that deployment; it is shown to the one under audit, too")]
    ca_file: Annotated[str, doc("PEM file of a private certificate authority; empty: the platform's")] = ""


class OtherAccount(Part, frozen=True, kw_only=True):
    """A second customer of the same gateway, made for audits: nothing of the first may be open to it, nor the other way round."""

    admin: Annotated[
        Secret,
        doc(
            "its admin or management key, as `credentials.admin` is that of the account under audit. Only keys that the audit "
            "made itself are asked for with it"
        ),
    ]
    key: Annotated[
        Secret | None, doc("an ordinary key of it; only what the audit's own calls made is asked for with it")
    ] = None


class Sequences(Part, frozen=True, kw_only=True):
    """Limits on the random sequences of acts on keys, which the thorough profile plays, or whoever asks for them alone.

    They end at the first of these that is reached: what is looked for, its shortening and its being played again together.
    """

    requests: Annotated[
        int, doc("most requests; the more, the more sequences are thought up"), Meta(ge=100)
    ] = 3200
    seconds: Annotated[float, doc("most seconds"), Meta(gt=0)] = 300.0
    money: Annotated[str, doc("most USD at list price that they may make the gateway count")] = "5.00"


class Auth(Part, frozen=True, kw_only=True):
    """How a caller presents a key."""

    header: Annotated[str, doc("name of the header")] = "Authorization"
    value: Annotated[str, doc("its value; `{key}` stands for the key")] = "Bearer {key}"
