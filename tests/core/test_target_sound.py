"""What of surfaces and processes cannot be meant is told when the target file is read."""

import pytest

from conformance.target import Auth, Processes, Secret, Surface
from conformance.target_sound import processes_complaint, surface_complaint


def surface(kind: str, locator: str, **more: object) -> Surface:
    return Surface(kind=kind, locator=locator, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "declared",
    [
        surface("files", "state/*.log"),
        surface("sqlite", "state/a.db", exclude=("x",)),
        surface("postgres", "postgresql://auditor@db/gateway", credential=Secret(env="P"), files=("pg_wal",)),
        surface("postgres", "postgresql:///gateway?host=/run/postgresql"),
        surface("redis", "rediss://cache:6379", credential=Secret(file="p"), ca_file="ca.pem"),
        surface("redis", "unix:///run/redis.sock"),
        surface("http", "https://gateway.example/logs", credential=Secret(env="T"), auth=Auth(header="x-key")),
        surface("http", "http://127.0.0.1:9000/logs", credential=Secret(env="T"), follow=True),
        surface("prometheus", "http://metrics.example:9090/stats"),
        surface("fsspec", "s3://bucket/logs", options={"endpoint_url": "https://s3.example"}, secrets={"s": Secret(env="S")}),
        surface("journald", "local", match=("_SYSTEMD_UNIT=gateway.service",)),
        surface("command", "pod logs", command=("kubectl", "logs", "gateway"), environment=("AWS_PROFILE",), follow=True),
    ],
    ids=lambda declared: f"{declared.kind} {declared.locator}",
)  # fmt: skip
def test_every_kind_can_be_declared(declared: Surface) -> None:
    assert surface_complaint(declared) is None


@pytest.mark.parametrize(
    ("declared", "key", "said"),
    [
        (surface("tape", "x"), "kind", "known: command, files, fsspec, http, journald"),
        (surface("files", ""), "locator", "empty"),
        (surface("postgres", "db:5432/gateway"), "locator", "not a URL such as postgresql://host/"),
        (surface("postgres", "postgresql://u:secret@db/gateway"), "locator", "a password stands in it"),
        (
            surface("postgres", "postgresql://db/gateway?password=secret"),
            "locator",
            "a password stands in it",
        ),
        (
            surface("postgres", "postgresql://db:port/gateway"),
            "locator",
            "not a URL such as postgresql://host/",
        ),
        (surface("redis", "http://cache"), "locator", "not a URL such as rediss://host/"),
        (surface("http", "https://[::1/logs"), "locator", "not a URL such as https://host/"),
        (surface("http", "http://logs.example", credential=Secret(env="T")), "locator", "in clear text"),
        (surface("fsspec", "bucket/logs"), "locator", "not a URL such as s3://bucket/logs"),
        (surface("command", "logs"), "command", "give its argument list"),
        (surface("files", "a", command=("cat",)), "command", "for command only"),
        (surface("files", "a", follow=True), "follow", "for command and http only"),
        (surface("files", "a", files=("b",)), "files", "for postgres and redis only"),
        (surface("redis", "redis://c", credential=Secret()), "credential", "give either `env` or `file`"),
        (surface("redis", "redis://c", credential=Secret(env="A", file="b")), "credential", "either"),
        (surface("fsspec", "s3://b", secrets={"secret": Secret()}), "secrets", "give either `env` or `file`"),
    ],
)
def test_what_cannot_be_meant_is_told(declared: Surface, key: str, said: str) -> None:
    complaint = surface_complaint(declared)
    assert complaint is not None
    assert complaint[0] == key
    assert said in complaint[1]
    assert "secret" not in complaint[1]


@pytest.mark.parametrize(
    "declared",
    [
        Processes(pids=(1,)),
        Processes(
            names=("litellm",), peers=("api.example:443", "10.0.0.0/8:*", "[fd00::/8]:443", "/run/x.sock")
        ),
        Processes(peers=("[::1]:8125",)),
    ],
)
def test_processes_can_be_declared(declared: Processes) -> None:
    assert processes_complaint(declared) is None


@pytest.mark.parametrize(
    ("declared", "key", "said"),
    [
        (Processes(), "pids", "name the processes"),
        (Processes(pids=(0,)), "pids", "0 is not one"),
        (Processes(ports=(70000,)), "ports", "70000 is not one"),
        (Processes(peers=("api.example",)), "peers", "'api.example' is neither host:port"),
        (Processes(peers=("api.example:0",)), "peers", "'api.example:0' is neither"),
        (Processes(peers=("10.0.0/8:443",)), "peers", "'10.0.0/8' is not a network"),
    ],
)
def test_processes_that_cannot_be_meant_are_told(declared: Processes, key: str, said: str) -> None:
    complaint = processes_complaint(declared)
    assert complaint is not None
    assert complaint[0] == key
    assert said in complaint[1]
