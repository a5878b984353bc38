"""Where a gateway could keep something, and whose processes could: what the target file says of the inside."""

from typing import Annotated, Literal

from msgspec import Meta, field

from conformance.target_parts import Auth, Part, Secret, doc


class Surface(Part, frozen=True, kw_only=True):
    """A place where the gateway could keep something. It is read, and never written to."""

    kind: Annotated[
        str,
        doc(
            "`files` (files, directories, globs; archives and compressed files are looked into), `sqlite`, `postgres`, `redis`, "
            "`journald`, `http` (an admin, trace or log endpoint), `prometheus`, `fsspec` (any store that fsspec reads: "
            "S3, GCS, Azure, SFTP, …) or `command` (what a command of yours prints, such as `kubectl logs`)"
        ),
    ]
    locator: Annotated[
        str,
        doc(
            "where it is. `files`, `sqlite`: a path or glob, relative to the target file. `journald`: a folder or file of a "
            "journal, or `local`. The others: a URL without a password, such as `postgresql://auditor@db:5432/gateway`, "
            "`rediss://cache:6379`, `s3://bucket/logs`; `{page}` in that of an `http` surface is counted up from 1. "
            "`command`: what reports call it"
        ),
    ]
    role: Annotated[
        Literal["content-path", "account", "usage", "log", "backup"],
        doc("what is kept there; stored keys are looked for on `account` surfaces, content on all"),
    ] = "log"
    encryption: Annotated[
        Literal["none", "application", "file", "volume", "managed"],
        doc("the layer at which it is encrypted at rest"),
    ] = "none"
    exclude: Annotated[
        tuple[str, ...],
        doc("globs of paths, tables or keys left out; every exclusion is printed as a gap"),
    ] = ()
    files: Annotated[
        tuple[str, ...],
        doc(
            "paths or globs of files that belong to a store and can be read from here: data directory, write-ahead log, "
            "dumps, append-only files"
        ),
    ] = ()
    command: Annotated[
        tuple[str, ...],
        doc("kind `command`: the argument list (no shell) whose standard output is the surface"),
    ] = ()
    environment: Annotated[
        tuple[str, ...],
        doc(
            "kind `command`: names of environment variables that it is given besides `PATH`, `HOME` and the like"
        ),
    ] = ()
    match: Annotated[
        tuple[str, ...],
        doc("kind `journald`: matches that journalctl takes, such as `_SYSTEMD_UNIT=gateway.service`"),
    ] = ()
    follow: Annotated[
        bool,
        doc(
            "kinds `http` and `command`: it goes on for as long as it is read, as log streams do; it is read while canaries "
            "pass"
        ),
    ] = False
    credential: Annotated[
        Secret | None,
        doc(
            "what opens it: the password of `postgres` and `redis`, the key or token of `http` and `prometheus`"
        ),
    ] = None
    auth: Annotated[Auth, doc("how an `http` or `prometheus` surface is shown its credential")] = Auth()
    ca_file: Annotated[str, doc("PEM file of a private certificate authority; empty: the platform's")] = ""
    options: Annotated[
        dict[str, str], doc("kind `fsspec`: options of the file system, such as `endpoint_url`")
    ] = field(default_factory=dict)
    secrets: Annotated[dict[str, Secret], doc("kind `fsspec`: options that are credentials")] = field(
        default_factory=dict
    )
    most_bytes: Annotated[int, doc("most bytes that are read of it; what is left is a gap"), Meta(gt=0)] = (
        1 << 36
    )
    most_seconds: Annotated[
        float, doc("most seconds for reading and searching it; what is left is a gap"), Meta(gt=0, le=86400)
    ] = 600.0


class Processes(Part, frozen=True, kw_only=True):
    """The gateway's processes, where they run on the machine that audits.

    What they have open, what they write to and whom they talk to is compared with what is declared. Needs permission to read
    `/proc` of them, as root has. Their children belong to them, and so does whoever listens on a declared port or holds a
    connection to the witness.
    """

    pids: Annotated[tuple[int, ...], doc("process ids")] = ()
    pid_files: Annotated[
        tuple[str, ...], doc("files that hold a process id, relative to the target file")
    ] = ()
    names: Annotated[
        tuple[str, ...],
        doc("names of commands: the last part of the program's path, or the process's own name"),
    ] = ()
    ports: Annotated[
        tuple[int, ...], doc("ports on which they listen, besides those of `base_urls` and `admin_url`")
    ] = ()
    peers: Annotated[
        tuple[str, ...],
        doc(
            "whom they may talk to, besides the witness, the surfaces and the machine's resolvers: `host:port`, "
            "`10.0.0.0/8:*`, or the path of a Unix socket"
        ),
    ] = ()
