#!/usr/bin/env python3
"""Plays a sequence of acts on keys again, after which an audit had seen a bill beyond a limit.

It makes new keys, does to them what stands in PLAN at its end, and revokes them. Whose provider answers now, it cannot know: a
call counts as what the provider billed for such a call in the audit, so that what a key spent is its admitted calls times that.
A provider's own bill says it better; compare it, where there is one.

It needs Python 3.10 or newer and nothing else, a gateway that can be reached, and from the environment:

    GATEWAY_ADMIN_KEY     the credential of the key API; it is sent there and nowhere else
    GATEWAY_CA_FILE       PEM file of a private certificate authority, where the gateway has one
    GATEWAY_URL           another origin than the one that was audited
    GATEWAY_KEY_API_URL   likewise, of the key API

It ends with 1 where a bill was beyond its limit, with 0 where none was, and with 2 where it could not be played.
"""

import http.client
import json
import re
import secrets
import socket
import ssl
import struct
import threading
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

TIMEOUT = 60.0  # seconds for one call
QUIET = 0.3  # seconds that a provider gets to end what nobody reads any more
WORDS_HERE = "@words@"  # stands in a body for what is said, which needs no escape
NUMBER = "@amount@"  # stands in a body for an amount, which is written as it is and never as a float
WORDS = " the ferry leaves before the train and nobody waits"
VARIABLE = r"\{([a-z_][a-z0-9_]*)\}"

Variables = dict[str, str]


class CannotPlay(Exception):
    """Something that the sequence needs could not be done."""


class Gateway:
    """The gateway as an outsider reaches it: each call on a new connection."""

    def __init__(self, plan: dict[str, Any], environment: Mapping[str, str]) -> None:
        self.plan = plan
        self._content = environment.get("GATEWAY_URL") or plan["gateway"]
        self._key_api = environment.get("GATEWAY_KEY_API_URL") or plan["key API"]
        self._credential = environment.get("GATEWAY_ADMIN_KEY", "").strip()
        if not self._credential:
            raise CannotPlay("GATEWAY_ADMIN_KEY is not set: it should hold the credential of the key API")
        self._trust = ssl.create_default_context(cafile=environment.get("GATEWAY_CA_FILE") or None)

    def operate(self, name: str, variables: Variables, amount: str | None = None) -> Variables:
        """Do what the key API calls an operation; whatever of its answers is needed later."""
        told: Variables = {}
        for call in self.plan["operations"].get(name, ()):
            status, answer = self._asked(call, {**variables, **told}, amount)
            if status not in call["success"]:
                raise CannotPlay(f"{call['method']} {call['path']} ({name}) was answered {status}")
            found = {variable: follow(answer, pointer) for variable, pointer in call["capture"].items()}
            told |= {variable: str(value) for variable, value in found.items() if value is not None}
        return told

    def call(self, secret: str, what: str, start: threading.Barrier | None = None) -> str:
        """One inference call: its status, or what there was instead. With a barrier, its last byte waits for all others'."""
        header, value = self.plan["auth"]
        headers = {
            header: value.replace("{key}", secret),
            "Content-Type": "application/json",
            **self.plan["headers"],
        }
        connection = None
        try:
            connection = self._connect(self._content)
            body = self._body(streamed=what in {"stream", "leave"})
            self._begin(connection, "POST", self._content, self.plan["path"], headers, body)
            if start is not None:
                start.wait()
            connection.send(body[-1:])
            return self._status(connection, leave=what == "leave")
        except (OSError, http.client.HTTPException, threading.BrokenBarrierError) as trouble:
            if start is not None:
                start.abort()
            return type(trouble).__name__
        finally:
            if connection is not None:
                connection.close()

    def _asked(self, call: dict[str, Any], variables: Variables, amount: str | None) -> tuple[int, Any]:
        apart = call["at"] == "content-api"
        url, (header, value) = (
            (self._content, self.plan["auth"]) if apart else (self._key_api, self.plan["key API auth"])
        )
        held = variables["secret"] if call["credential"] == "key" else self._credential
        headers = {header: value.replace("{key}", held).replace("{credential}", held)}
        headers |= {name: fill(text, variables, amount) for name, text in call["headers"].items()}
        body = b""
        if call["body"] is not None:
            written = json.dumps(filled(call["body"], variables, amount))
            body = written.replace(json.dumps(NUMBER), amount or "null").encode()
            headers.setdefault("Content-Type", "application/json")
        connection = self._connect(url)
        try:
            self._begin(
                connection,
                call["method"],
                url,
                fill(call["path"], variables, amount, escape=True),
                headers,
                body,
            )
            connection.send(body[-1:])
            response = connection.getresponse()
            return response.status, as_json(response.read())
        finally:
            connection.close()

    def _connect(self, url: str) -> http.client.HTTPConnection:
        parts = urlsplit(url)
        host, secure = parts.hostname or "", parts.scheme == "https"
        port = parts.port or (443 if secure else 80)
        line = socket.create_connection((self.plan["addresses"].get(host, host), port), TIMEOUT)
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = kind(host, port)
        connection.sock = self._trust.wrap_socket(line, server_hostname=host) if secure else line
        return connection

    @staticmethod
    def _begin(
        connection: http.client.HTTPConnection,
        method: str,
        url: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
    ) -> None:
        """Send all of a request but its last byte."""
        connection.putrequest(method, urlsplit(url).path.rstrip("/") + path, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        if body or method not in {"GET", "DELETE"}:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body[:-1] or None)

    def _body(self, *, streamed: bool) -> bytes:
        """A call of the shape that was billed in the audit, with words of its own."""
        own = secrets.token_hex(16)
        text = (own + WORDS * self.plan["prompt size"])[: self.plan["prompt size"]]
        body = {
            "model": self.plan["model"],
            **self.plan["said"],
            self.plan["bound"]: self.plan["most tokens"],
        }
        written = json.dumps(body | ({"stream": True} if streamed else {}))
        return written.replace(WORDS_HERE, self.plan["stream words"] * streamed + text).encode()

    @staticmethod
    def _status(connection: http.client.HTTPConnection, *, leave: bool) -> str:
        """The status of an answer that is read to its end, or, of a stream that is left, reset after its first event."""
        response = connection.getresponse()
        if not leave or not 200 <= response.status < 300:
            response.read()
            return str(response.status)
        response.readline()
        line = connection.sock
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # its end is a reset
        response.close()
        connection.close()
        line.close()
        time.sleep(QUIET)
        return str(response.status)


def fill(text: str, variables: Variables, amount: str | None, *, escape: bool = False) -> str:
    """A template with its variables put in."""

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        found = amount if name in {"limit", "limit_text"} else variables.get(name)
        if found is None:
            raise CannotPlay(f"nothing sets {{{name}}}, for which the key API asks in '{text}'")
        return quote(found, safe="") if escape else found

    return re.sub(VARIABLE, value, text)


def filled(template: Any, variables: Variables, amount: str | None) -> Any:
    """A body with its variables put in; a field whose lone variable is not set is left out."""
    if template == "{limit}":
        return None if amount is None else NUMBER
    if template == "{limit_text}":
        return amount
    if isinstance(template, str):
        lone = re.fullmatch(VARIABLE, template)
        return variables.get(lone.group(1)) if lone else fill(template, variables, amount)
    if isinstance(template, dict):
        made = {name: filled(value, variables, amount) for name, value in template.items()}
        return {name: value for name, value in made.items() if value is not None}
    if isinstance(template, list | tuple):
        return [filled(value, variables, amount) for value in template]
    return template


def follow(document: Any, pointer: str) -> Any:
    """What a JSON pointer (RFC 6901) leads to, or None."""
    found = document
    for token in pointer.split("/")[1:]:
        name = token.replace("~1", "/").replace("~0", "~")
        if isinstance(found, list):
            found = found[int(name)] if name.isdigit() and int(name) < len(found) else None
        else:
            found = found.get(name) if isinstance(found, dict) else None
    return found


def as_json(body: bytes) -> Any:
    """A body as JSON, or None where it is none."""
    try:
        return json.loads(body)
    except ValueError:
        return None
