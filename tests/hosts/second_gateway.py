"""A second gateway, of another make than the reference gateway on purpose: the host of half the twins.

Threads instead of an event loop, limits in cents on keys and users, 403 when they are spent, usage that shows
late, logfmt lines, a JSON file for a store. It keeps every promise. A twin is a subclass that breaks one, by
overriding one of the small methods of `Promises` or `Keys`.
Start it with `python -m tests.hosts.second_gateway --config FILE.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPResponse
from pathlib import Path

from tests.hosts.second_config import Config
from tests.hosts.second_edge import Edge, Handler
from tests.hosts.second_http import Answer, Call, Client, RefusalError, Side, as_json
from tests.hosts.second_order import (
    ENDPOINTS,
    Order,
    Usage,
    data_of,
    ends,
    events,
    is_usage_only,
    order_of,
    usage_in,
)
from tests.hosts.second_promises import Promises
from tests.hosts.second_store import Hold, Store, StoreError
from tests.hosts.second_upstream import BROKEN, Provider, UnsentError, lines, read_whole

# What costs money: the paths, each with the one by which the provider has it.
BILLED = {f"/v1{endpoint}": endpoint for endpoint in ENDPOINTS}


class SecondGateway(Promises):
    """The gateway: how requests are served, then its life."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.state = Path(config.state_dir)
        self.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        master_key = Path(config.master_key_file).read_text(encoding="utf-8").strip()
        super().__init__(Store(self.state / "accounts.json"), config.per_usd, master_key)
        self.provider = Provider(config.upstream_url, config.upstream_ca, config.upstream_timeout)
        self.port = 0
        self.admin_port = 0
        self.cleartext_port = 0
        self._routes = self._table()
        self._listeners: list[Edge] = []
        self._threads: list[threading.Thread] = []
        self._stopped = threading.Event()
        self._log_mutex = threading.Lock()
        log_path = self.state / "gateway.log"
        self._log_file = os.fdopen(os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "w")

    # --- requests --------------------------------------------------------------------------------------

    def _table(self) -> dict[tuple[str, str], Callable[[Call], Answer]]:
        return {
            **self.admin_routes(),
            ("GET", "/key/info"): self.key_info,
            ("GET", "/v1/models"): self.list_models,
            ("GET", "/health/liveliness"): lambda _call: as_json("I'm alive!"),
        }

    def route_of(self, path: str) -> str:
        """The path as a log may hold it: one of ours, or none."""
        return path if path in BILLED or any(path == known for _, known in self._routes) else "unmatched"

    def handle(self, call: Call, client: Client) -> Answer | None:
        """Answer a request; None when the answer went out as a stream."""
        if not self._is_served(call):
            raise RefusalError(404)
        try:
            if call.method == "POST" and call.path in BILLED:
                return self.chat(call, client)
            return self._act(call)
        except ValueError as error:
            raise RefusalError(400) from error
        except StoreError as error:
            raise RefusalError(503) from error

    def _is_served(self, call: Call) -> bool:
        """Whether the listener that a request came to serves its path; a key may read itself on either."""
        if any(path == call.path for _, path in self.admin_routes()):
            return call.side != "content"
        return call.side != "admin" or call.path not in {*BILLED, "/v1/models"}

    def _act(self, call: Call) -> Answer:
        act = self._routes.get((call.method, call.path))
        if act is None:
            raise RefusalError(404 if self.route_of(call.path) == "unmatched" else 405)
        if (call.method, call.path) in self.admin_routes():
            self.require_master(call)
        return act(call)

    def list_models(self, call: Call) -> Answer:
        """GET /v1/models, with a key or the master key."""
        if not self.is_master(call.bearer):
            call.token = self.authenticate(call.bearer).id
        common = {"object": "model", "created": 0, "owned_by": "gateway"}
        return as_json({"object": "list", "data": [{"id": name, **common} for name in self.config.models]})

    def chat(self, call: Call, client: Client) -> Answer | None:
        """Price, reserve, forward, settle. Every way out settles, at the worst case if need be."""
        key = self.authenticate(call.bearer)
        call.token = key.id
        order = order_of(call.body, self.config.models, BILLED[call.path])
        self.on_prompt(call)
        hold = self.reserve(key, order)
        try:
            if not order.stream:
                return self._whole(call, order, hold)
            self._stream(call, client, order, hold)
            return None
        finally:
            self.settle(hold, hold.worst)

    def fetch(self, call: Call, order: Order, hold: Hold) -> bytes:
        """The provider's whole answer to an order, or a refusal."""
        with self._asked(call, order, hold) as answer:
            return read_whole(answer)

    def _whole(self, call: Call, order: Order, hold: Hold) -> Answer:
        data = self.fetch(call, order, hold)
        self.on_answer(call, data)
        self._bill(call, order, hold, usage_in(data, order.endpoint))
        return Answer(200, data)

    def _stream(self, call: Call, client: Client, order: Order, hold: Hold) -> None:
        with self._asked(call, order, hold) as answer:
            if answer.headers.get_content_type() != "text/event-stream":
                raise RefusalError(502)
            client.begin()
            try:
                self._relay(call, client, order, hold, answer)
            except (*BROKEN, ValueError):
                client.abort()

    def _relay(self, call: Call, client: Client, order: Order, hold: Hold, answer: HTTPResponse) -> None:
        """Pass events on. Usage counts once the end follows it: a stream that was cut may have cost more."""
        usage = None
        for event in events(lines(answer)):
            if not self.is_alive(hold.key):
                break
            self.on_answer(call, event)
            data = data_of(event)
            usage = usage_in(data, order.endpoint, usage) or usage
            if ends(data, order.endpoint):
                self._bill(call, order, hold, usage)
            if order.wants_usage or not is_usage_only(data):
                client.piece(event)
        if hold.settled:
            client.end()
        else:
            client.abort()

    def _bill(self, call: Call, order: Order, hold: Hold, usage: Usage | None) -> None:
        """Settle by the provider's count, before the caller can see the end and ask again."""
        if usage is not None:
            call.prompt_tokens, call.completion_tokens = usage.prompt, usage.completion
        self.settle(hold, self.cost_of(order, usage))

    @contextmanager
    def _asked(self, call: Call, order: Order, hold: Hold) -> Iterator[HTTPResponse]:
        """The provider's 200 to an order. What never left, or was refused whole, is settled here."""
        owner = hold.key.id if order.stream else "whole"
        headers = self.upstream_headers(call)
        try:
            with self.provider.asked(
                owner, order.payload, headers, lambda: self.is_alive(hold.key), order.endpoint
            ) as answer:
                self.on_provider_head(call, answer.status, answer.headers.get_content_type())
                self._require_accepted(call, hold, answer)
                yield answer
        except UnsentError as error:
            self.settle(hold, 0)
            raise RefusalError(502 if self.is_alive(hold.key) else 401) from error
        except BROKEN as error:
            raise RefusalError(502) from error

    def _require_accepted(self, call: Call, hold: Hold, answer: HTTPResponse) -> None:
        if answer.status == 200:
            return
        if answer.status >= 400:
            self.on_provider_error(call, read_whole(answer))
            self.settle(hold, self.cost_of_refusal(hold))
        raise RefusalError(answer.status if answer.status in {400, 429} else 502)

    # --- life ------------------------------------------------------------------------------------------

    def start(self) -> int:
        """Listen; returns the port of the TLS listener that serves content."""
        apart, clear = self.config.admin_port, self.config.cleartext_port
        self.port = self._listen(
            self.config.port, Handler, self.tls_context(), "both" if apart is None else "content"
        )
        if apart is not None:
            self.admin_port = self._listen(apart, Handler, self.admin_tls_context(), "admin")
        if clear is not None:
            self.cleartext_port = self._listen(clear, self.cleartext_handler(), None)
        works = [self._publish, *(listener.serve for listener in self._listeners)]
        self._threads = [threading.Thread(target=work) for work in works]
        for thread in self._threads:
            thread.start()
        return self.port

    def stop(self) -> None:
        """Stop listening, cut what is open and wait for it."""
        self._stopped.set()
        self.provider.close()
        for listener in self._listeners:
            listener.close()
        for thread in self._threads:
            thread.join()
        self._log_file.close()

    def cut(self, token: str) -> None:
        """End the open streams of a key."""
        self.provider.cut(token)

    def https_url(self, route: str) -> str:
        """Where a caller in clear text is sent."""
        return f"https://{self.config.host}:{self.port}" + (route if route.startswith("/") else "/")

    def _listen(
        self, port: int, handler: type[Handler], tls: ssl.SSLContext | None, side: Side = "both"
    ) -> int:
        listener = Edge((self.config.host, port), self, handler, tls, side)
        self._listeners.append(listener)
        return int(listener.server_address[1])

    def _publish(self) -> None:
        while not self._stopped.wait(self.config.usage_lag):
            self.store.publish()


def main(arguments: list[str] | None = None, gateway_class: type[SecondGateway] = SecondGateway) -> None:
    """Run until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="tests.hosts.second_gateway")
    parser.add_argument("--config", required=True, type=Path)
    path = parser.parse_args(arguments).config
    endings = (signal.SIGTERM, signal.SIGINT)
    signal.pthread_sigmask(signal.SIG_BLOCK, endings)  # in every thread; they are fetched below
    try:
        gateway = gateway_class(Config.from_json(path.read_text(encoding="utf-8")))
        port = gateway.start()
    except (OSError, ValueError, TypeError, KeyError) as error:
        sys.exit(f"{path}: the gateway cannot start with this configuration: {error}")
    print(
        json.dumps({"event": "listening", "port": port, "admin_port": gateway.admin_port or port}), flush=True
    )
    signal.sigwait(endings)
    gateway.stop()


if __name__ == "__main__":
    main()
