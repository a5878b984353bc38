"""The target: everything the operator declares about the gateway under audit. A frozen value; reading files is `target_file`'s.

The descriptions here are the reference page: `TARGET.md` is generated from them.
"""

import ipaddress
from datetime import date
from typing import Annotated, Literal
from urllib.parse import urlsplit

from msgspec import Meta, field

from conformance.dialects.grammar import Dialect
from conformance.model.scale import Level
from conformance.target_parts import Auth, OtherAccount, OtherEnvironment, Part, Secret, Sequences, doc
from conformance.target_places import Processes, Surface

__all__ = [
    "ACCESS", "Auth", "Authorisation", "Control", "Credentials", "DialectChoice", "Document", "Endpoint", "Gate", "Gateway",
    "Knob", "Limits", "Model", "OtherAccount", "OtherEnvironment", "Part", "Processes", "Promises", "Secret", "Surface", "Target",
    "WitnessPlace",
]  # fmt: skip


class Gateway(Part, frozen=True, kw_only=True):
    """Where the gateway is, and how one speaks with it."""

    base_urls: Annotated[
        tuple[str, ...],
        doc(
            "origins of the API, such as `https://gateway.example:8443`; the first serves every probe of content and "
            "money, and of keys where there is no `admin_url`; all are probed for transport"
        ),
        Meta(min_length=1),
    ]
    admin_url: Annotated[
        str,
        doc(
            "where the key API is, if not where the first of `base_urls` is; https only, since the admin credential "
            "travels there. `resolve` and `ca_file` hold for it, and it is probed for transport as the others are"
        ),
    ] = ""
    tls_ports: Annotated[tuple[int, ...], doc("further ports of the same hosts that speak TLS")] = ()
    cleartext_ports: Annotated[
        tuple[int, ...], doc("ports on which clear text is tried, besides the TLS ports themselves")
    ] = (80,)
    resolve: Annotated[
        dict[str, tuple[str, ...]],
        doc("host name → addresses; replaces DNS, so that every node can be named"),
    ] = field(default_factory=dict)
    sni_names: Annotated[tuple[str, ...], doc("further names the gateway serves, tried as SNI")] = ()
    ca_file: Annotated[str, doc("PEM file of a private certificate authority; empty: the platform's")] = ""
    auth: Annotated[Auth, doc("how a key is presented")] = Auth()


class Credentials(Part, frozen=True, kw_only=True):
    """Credentials, each from the environment or a file."""

    admin: Annotated[
        Secret | None, doc("admin or management key of the key API; needed for level operator")
    ] = None
    key: Annotated[
        Secret | None,
        doc(
            "an ordinary key, for audits without an admin key; it is never revoked and never sent in clear text"
        ),
    ] = None
    peppers: Annotated[
        tuple[Secret, ...],
        doc(
            "K2: secrets with which the gateway computes what it stores of keys, such as the key of an HMAC, where it keeps them "
            "apart from the data"
        ),
    ] = ()


class Endpoint(Part, frozen=True, kw_only=True):
    """One inference path."""

    kind: Annotated[
        Literal["chat", "completions", "embeddings", "responses", "messages", "models"],
        doc("the request and answer shape"),
    ]
    path: Annotated[str, doc("path below the first base URL")]
    billable: Annotated[bool, doc("whether calls cost money")] = True


class Model(Part, frozen=True, kw_only=True):
    """One model that probes may call."""

    witness: Annotated[bool, doc("the gateway routes it to the witness; others are never called")] = True
    prompt_price: Annotated[
        str,
        doc(
            "USD per million prompt tokens, as a decimal string; empty: learnt from the gateway's models endpoint, else measured"
        ),
    ] = ""
    completion_price: Annotated[str, doc("USD per million completion tokens, likewise")] = ""
    max_output: Annotated[int, doc("most completion tokens the gateway lets this model make"), Meta(gt=0)] = (
        4096
    )


class WitnessPlace(Part, frozen=True, kw_only=True):
    """The auditor's provider, to which the gateway under audit is pointed as its upstream."""

    listen: Annotated[str, doc("address and port the audit listens on")] = "127.0.0.1:9443"
    url: Annotated[
        str,
        doc("base URL by which the gateway reaches it; printed in instructions, empty: built from `listen`"),
    ] = ""
    certificate: Annotated[
        str,
        doc(
            "PEM chain the witness presents; empty together with `private_key`: plain HTTP. `expired.pem` and "
            "`other-host.pem` beside it, of the same key, are shown once too: the gateway must refuse them (T4). "
            "`gateproof witness --init witness` makes all of them"
        ),
    ] = ""
    private_key: Annotated[str, doc("PEM key of that certificate")] = ""
    api_key: Annotated[
        Secret | None,
        doc(
            "the key that the gateway presents to its provider: calls that arrive without it show a wrong configuration"
        ),
    ] = None
    zone: Annotated[
        str,
        doc(
            "DNS zone that is delegated to `dns_listen`; host names of it in prompts show who looks them up. Where the host of "
            "`url` lies in it, the gateway's own calls prove that a look-up would be seen"
        ),
    ] = ""
    dns_listen: Annotated[
        str,
        doc(
            "address and port on which names of `zone` are answered, by UDP and TCP, with the witness's address"
        ),
    ] = ""


class DialectChoice(Part, frozen=True, kw_only=True):
    """How the key and usage API is spoken. Either `use` or `own`."""

    use: Annotated[
        str, doc("a dialect that ships with the suite: `gateproof checks --dialects` lists them")
    ] = ""
    own: Annotated[
        Dialect | None, doc("a dialect of your own, in the same form as the shipped ones (see below)")
    ] = None
    per_usd: Annotated[
        int,
        doc(
            "how many of the gateway's money units make one US dollar, where it differs from the dialect's; "
            "0: as the dialect says"
        ),
    ] = 0
    variables: Annotated[dict[str, str], doc("values for the dialect's own variables")] = field(
        default_factory=dict
    )


class Control(Part, frozen=True, kw_only=True):
    """Commands (argument lists, no shell) by which the auditor may control the gateway."""

    start: Annotated[tuple[str, ...], doc("starts the gateway")] = ()
    stop: Annotated[tuple[str, ...], doc("stops it in good order")] = ()
    restart: Annotated[tuple[str, ...], doc("restarts it")] = ()
    kill: Annotated[tuple[str, ...], doc("ends it at once")] = ()
    dump: Annotated[tuple[str, ...], doc("writes a dump of its stores")] = ()
    plant: Annotated[
        tuple[str, ...],
        doc(
            "writes `{text}` to the surface `{locator}` by the gateway's own way of writing there, or ends with another status "
            "than 0: the best control of a surface; what it wrote must be found. Never used in production"
        ),
    ] = ()

    def restarts(self) -> bool:
        """Whether the gateway can be made to go and come back."""
        return bool(self.restart or (self.start and (self.stop or self.kill)))


class Knob(Part, frozen=True, kw_only=True):
    """A setting whose values the audit may sweep."""

    name: Annotated[str, doc("what it is called")]
    values: Annotated[tuple[str, ...], doc("values to try")]
    apply: Annotated[tuple[str, ...], doc("command that sets `{value}`")]
    proof: Annotated[tuple[str, ...], doc("command that exits 0 once it took effect")] = ()


class Promises(Part, frozen=True, kw_only=True):
    """What the gateway promises; a claim that is not made is judged for information only."""

    made: Annotated[tuple[str, ...], doc("claim ids; empty: every claim of the page")] = ()
    tls_floor: Annotated[
        Literal["1.2", "1.3"], doc("T1: the oldest TLS version that the gateway promises to accept")
    ] = "1.3"
    hsts_min_age: Annotated[
        int, doc("T3: least `max-age`, in seconds (one year is the norm)"), Meta(ge=1)
    ] = 1
    soft_limit: Annotated[str, doc("S1: by how many USD a limit may be exceeded; `0` means never")] = "0"
    usage_lag: Annotated[float, doc("S2: seconds after which usage is recorded"), Meta(ge=0, le=600)] = 10.0
    usage_unit: Annotated[
        str,
        doc(
            "smallest amount of USD that limits and usage can express; limits are set in whole ones, and recorded usage "
            "may differ by one, or by one per call whose cost is no whole number of them"
        ),
    ] = "0.000000001"
    revocation_latency: Annotated[
        float, doc("K3: seconds after which a revoked key must be dead"), Meta(ge=0, le=3600)
    ] = 1.0
    streams_after_revocation: Annotated[
        Literal["end", "finish"],
        doc(
            "K3: what becomes of a stream under way when its key is revoked: it ends within `revocation_latency`, or it is "
            "documented to finish"
        ),
    ] = "end"
    rotation_overlap: Annotated[
        float, doc("K3: seconds for which a rotated secret may live on"), Meta(ge=0, le=86400)
    ] = 0.0
    opt_in_storage: Annotated[
        tuple[str, ...],
        doc(
            "Z1: features that store content because a customer asked for it; `idempotency`: answers are kept to be given again "
            "to the same key for the same idempotency key"
        ),
    ] = ()
    transforms: Annotated[
        tuple[str, ...],
        doc(
            "Z2: fields that the gateway changes on their way, such as `user`, `temperature` or `tools`. With `messages` it may "
            "add texts; those that were sent must arrive all the same"
        ),
    ] = ()


class Gate(Part, frozen=True, kw_only=True):
    """Which claims decide the exit code."""

    require: Annotated[
        tuple[str, ...], doc("claim ids; empty: every claim made whose needed access is declared")
    ] = ()


class Limits(Part, frozen=True, kw_only=True):
    """Hard limits on what the audit may do. Whatever does not fit is not observed, and says so."""

    requests: Annotated[int, doc("most requests to the gateway"), Meta(gt=0)] = 10_000
    rate: Annotated[float, doc("most requests per second, averaged over a second"), Meta(gt=0)] = 100.0
    connections: Annotated[
        int, doc("most connections at once; a race probe uses at most this many"), Meta(gt=0, le=256)
    ] = 32
    money: Annotated[str, doc("most USD at list price that probes may make the gateway count")] = "25.00"
    seconds: Annotated[float, doc("most seconds for the whole audit"), Meta(gt=0)] = 900.0
    sequences: Annotated[Sequences, doc("what of all that random sequences of acts on keys may take")] = (
        Sequences()
    )
    timeout: Annotated[
        float, doc("seconds after which one request counts as unanswered"), Meta(gt=0, le=300)
    ] = 15.0


class Authorisation(Part, frozen=True, kw_only=True):
    """Written permission for probes that may disturb; required for those on `environment = "production"`."""

    reference: Annotated[str, doc("document or ticket")]
    by: Annotated[str, doc("who gave it")]
    until: Annotated[str, doc("last day, ISO 8601")]


class Document(Part, frozen=True, kw_only=True):
    """A document that supports a claim no probe can see."""

    claim: Annotated[str, doc("claim id")]
    path: Annotated[str, doc("where it is, relative to the target file")]
    owner: Annotated[str, doc("who answers for it")] = ""


ACCESS = {
    "key": "`credentials.key`, or `credentials.admin` with `dialect`",
    "admin": "`credentials.admin` with `dialect`",
    "witness": "`witness`, and a model that is routed to it",
    "surfaces": "`surfaces`",
    "account-surface": "a surface of role `account`",
    "processes": "`processes`",
    "other-environment": "`other_environment`",
    "other-account": "`other_account`, whose admin credential is another customer's",
    "restart": "`control.restart`, or `control.start` with `control.stop` or `control.kill`",
}
"""Kinds of access, and what declares them in the target file."""


class Target(Part, frozen=True, kw_only=True):
    """The target file."""

    name: Annotated[str, doc("what reports call the target"), Meta(min_length=1, max_length=100)]
    environment: Annotated[
        Literal["production", "staging", "development", "test"],
        doc("intrusive checks never run on production without authorisation"),
    ]
    gateway: Annotated[Gateway, doc("where the gateway is")]
    credentials: Annotated[Credentials, doc("credentials, never inline")] = Credentials()
    inference: Annotated[tuple[Endpoint, ...], doc("inference paths")] = (
        Endpoint(kind="chat", path="/v1/chat/completions"),
        Endpoint(kind="models", path="/v1/models", billable=False),
    )
    models: Annotated[
        dict[str, Model],
        doc("models by the name that callers use; the first one routed to the witness serves most probes"),
    ] = field(default_factory=dict)
    other_environment: Annotated[
        OtherEnvironment | None, doc("a deployment whose keys must not be good here, nor those of here there")
    ] = None
    other_account: Annotated[
        OtherAccount | None,
        doc("another customer of the same gateway, to whom nothing of this one may be open"),
    ] = None
    witness: Annotated[WitnessPlace | None, doc("the auditor's provider")] = None
    dialect: Annotated[DialectChoice | None, doc("how keys are made, read and revoked")] = None
    surfaces: Annotated[tuple[Surface, ...], doc("where the gateway could keep something")] = ()
    processes: Annotated[
        Processes | None,
        doc(
            "the gateway's processes, where they run on this machine; where `base_urls` is on loopback they are found by its port"
        ),
    ] = None
    control: Annotated[Control, doc("commands for level instrumented")] = Control()
    knobs: Annotated[tuple[Knob, ...], doc("settings to sweep")] = ()
    claims: Annotated[Promises, doc("what is promised")] = Promises()
    gate: Annotated[Gate, doc("what decides the exit code")] = Gate()
    limits: Annotated[Limits, doc("what the audit may do")] = Limits()
    authorisation: Annotated[Authorisation | None, doc("permission for intrusive probes")] = None
    documents: Annotated[tuple[Document, ...], doc("documents")] = ()

    def access(self) -> frozenset[str]:
        """The kinds of access that are declared; observations name the ones they need."""
        declared = {
            "key": self.credentials.key is not None or self.manages_keys(),
            "admin": self.manages_keys(),
            "witness": self.witness is not None and bool(self.witness_models()),
            "surfaces": bool(self.surfaces),
            "account-surface": any(s.role == "account" for s in self.surfaces),
            "processes": self.processes is not None,
            "other-environment": self.other_environment is not None,
            "other-account": self.other_account is not None and self.manages_keys(),
            "restart": self.control.restarts(),
        }
        return frozenset(name for name, there in declared.items() if there)

    def manages_keys(self) -> bool:
        """Whether keys can be made and revoked: an admin credential and a dialect are declared."""
        return self.credentials.admin is not None and self.dialect is not None

    def authorised(self, today: date) -> bool:
        """Whether intrusive probes are permitted on this day."""
        permission = self.authorisation
        return permission is not None and today <= date.fromisoformat(permission.until)

    def levels(self) -> frozenset[Level]:
        """The levels whose access is declared."""
        access = self.access()
        levels = {Level.OUTSIDE}
        if access & {"admin", "witness"}:
            levels.add(Level.OPERATOR)
        if "surfaces" in access:
            levels.add(Level.INSIDE)
        if any((self.control.restart, self.control.kill, self.control.dump)):
            levels.add(Level.INSTRUMENTED)
        if self.documents:
            levels.add(Level.DOCUMENT)
        return frozenset(levels)

    def witness_models(self) -> tuple[str, ...]:
        """Names of the models whose calls the witness sees."""
        return tuple(name for name, model in self.models.items() if model.witness)

    def endpoint(self, kind: str) -> str | None:
        """Path of the first endpoint of a kind, if the target serves one."""
        return next((e.path for e in self.inference if e.kind == kind), None)

    def origin(self) -> str:
        """The base URL that serves probes of content and money, without a trailing slash."""
        return self.gateway.base_urls[0].rstrip("/")

    def on_this_machine(self) -> bool:
        """Whether the content API is said to be on loopback, so that its processes must be here."""
        host = urlsplit(self.origin()).hostname or ""
        return all(_is_loopback(place) for place in self.gateway.resolve.get(host, (host,)))

    def key_api_url(self) -> str:
        """The base URL of the key API, without a trailing slash."""
        return self.gateway.admin_url.rstrip("/") or self.origin()

    def key_api_apart(self) -> bool:
        """Whether the key API is elsewhere than the content API that probes call."""
        return self.key_api_url() != self.origin()

    def content_urls(self) -> tuple[str, ...]:
        """The base URLs of the content API."""
        apart = self.key_api_url() if self.key_api_apart() else ""
        return tuple(url for url in self.gateway.base_urls if url.rstrip("/") != apart)

    def urls(self) -> tuple[str, ...]:
        """Every base URL, each of which keeps the promises about transport: the content API's, and the key API's if apart."""
        return (*self.content_urls(), *((self.key_api_url(),) if self.key_api_apart() else ()))

    def host_ports(self) -> tuple[tuple[str, int], ...]:
        """Every (host, port) that should speak TLS: those of the https base URLs and the further TLS ports."""
        places: dict[tuple[str, int], None] = {}
        for url in self.urls():
            parts = urlsplit(url)
            if parts.scheme == "https":
                places[(parts.hostname or "", parts.port or 443)] = None
            for port in self.gateway.tls_ports:
                places[(parts.hostname or "", port)] = None
        return tuple(places)


def _is_loopback(place: str) -> bool:
    try:
        return ipaddress.ip_address(place).is_loopback
    except ValueError:
        return place == "localhost"
