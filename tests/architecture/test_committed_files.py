"""What is committed: nothing of the machine it was written on, no place to download from, and locks that hold hashes only."""

import re
from urllib.parse import urlsplit

import pytest

from tests.architecture.repository import texts

_HOME = re.compile(r"/(?:home|root|Users|work|workspace)/\w+")
_INDEX = re.compile(r"-{2}(?:extra-)?index-url|-{2}find-links|(?:PIP|UV)_(?:EXTRA_)?INDEX|index_url\s*=")
_URL = re.compile(r"\b(?:https?|ftp|git\+\w+)://([^\s\"'`<>)\]}|]+)")
# RFC 2606 and RFC 6761 names, addresses of this machine, names without a dot, placeholders, and variables of a server.
_NOWHERE = re.compile(
    r"(?:.*\.)?(?:example|test|invalid|localhost|example\.(?:com|org|net))|127\.0\.0\.1|\[?::1\]?|[{$].*|no\.\.such-host|[\w-]*"
)
_NAMES_ONLY = {
    "www.apache.org": "the licence names itself by this address",
    "json-schema.org": "identifies a dialect of JSON Schema; nothing is fetched",
    "in-toto.io": "identifies statements and their predicates; nothing is fetched",
    "www.w3.org": "identifies a document type; nothing is fetched",
    "docs.oasis-open.org": "identifies the schema of SARIF; nothing is fetched",
    "keepachangelog.com": "the form of the change log, for readers",
    "semver.org": "the meaning of version numbers, for readers",
}
_LOCKED = re.compile(
    r"[a-z0-9][a-z0-9._-]*==[\w.!+-]+(?: ; [\w .'<>=!()]+)?(?: \\)?|    --hash=sha256:[0-9a-f]{64}(?: \\)?"
)


def test_no_file_names_a_folder_of_somebodys_machine() -> None:
    found = {path: hits for path, text in texts().items() if (hits := _HOME.findall(text))}

    assert not found


def test_no_file_names_a_package_index() -> None:
    found = {path: hits for path, text in texts().items() if (hits := _INDEX.findall(text))}

    assert not found


def test_every_address_in_the_repository_leads_nowhere_or_is_a_name() -> None:
    hosts = {(path, _host(rest)) for path, text in texts().items() for rest in _URL.findall(text)}
    real = {(path, host) for path, host in hosts if not _NOWHERE.fullmatch(host) and host not in _NAMES_ONLY}

    assert not real


def _host(rest: str) -> str:
    placed = re.sub(r"\{[^}]*\}?|\\?\[.*", "{", rest) if rest.startswith(("{", "[")) else rest
    return re.split(r"[/:?#,;\\{]", placed)[0].rstrip(".…") or "{"


@pytest.mark.parametrize("lock", ["requirements-run.txt", "requirements-dev.txt", "requirements-sslyze.txt"])
def test_a_lock_holds_names_versions_markers_and_hashes(lock: str) -> None:
    lines = texts()[lock].splitlines()
    others = [line for line in lines if not _LOCKED.fullmatch(line)]

    assert not others
    assert sum("==" in line for line in lines) > 5


def test_every_locked_package_has_a_hash() -> None:
    for lock in ("requirements-run.txt", "requirements-dev.txt", "requirements-sslyze.txt"):
        lines = texts()[lock].splitlines()
        bare = [a for a, b in zip(lines, [*lines[1:], ""], strict=True) if "==" in a and "--hash" not in b]

        assert not bare, lock


def test_the_host_of_an_address_is_what_a_browser_would_ask() -> None:
    for url in ("https://gateway.example:8443/v1", "https://api.vendor.example/"):
        assert _host(url.partition("://")[2]) == urlsplit(url).hostname
