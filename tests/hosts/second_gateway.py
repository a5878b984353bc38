"""A second gateway, of another make than the reference gateway on purpose: the host of half the twins.

Threads instead of an event loop, limits in cents on keys and users, 403 when they are spent, usage that shows
late, logfmt lines, a JSON file for a store. It keeps every promise. A twin is a subclass that breaks one, by
overriding one of the small methods here or in `Keys`.
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
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from http.client import HTTPResponse
from pathlib import Path

from tests.hosts.second_admin import KeyDesk
from tests.hosts.second_config import Config
from tests.hosts.second_edge import Edge, Handler, Redirect
from tests.hosts.second_http import Answer, Call, Client, RefusalError, Side, as_json
from tests.hosts.second_order import Order, Usage, data_of, events, is_usage_only, order_of, usage_in
from tests.hosts.second_store import Hold, Key, Store, StoreError
from tests.hosts.second_upstream import BROKEN, Provider, UnsentError, lines, read_whole

CHAT = "/v1/chat/completions"


class SecondGateway(KeyDesk):
    """The gateway. First the promises, one method each; then how requests are served; then its life."""

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

    # --- promises; those about keys are in Keys --------------------------------------------------------

    def tls_context(self) -> ssl.SSLContext:
        """TLS 1.3 and nothing below."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_cert_chain(self.config.certificate, self.config.private_key)
        return context

    def admin_tls_context(self) -> ssl.SSLContext:
        """The same on the listener of the key interface, where that has one of its own."""
        return self.tls_context()

    def security_headers(self, status: int) -> Mapping[str, str]:
        """The headers of every answer, whatever its status."""
        return {
            "Strict-Transport-Security": "max-age=31536000",
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        }

    def cleartext_handler(self) -> type[Handler]:
        """What answers on the port without TLS."""
        return Redirect

    def reserve(self, key: Key, order: Order) -> Hold:
        """Set the worst case aside before anything is forwarded; 403 if a limit has no room for it."""
        with self.store.lock:
            if not self.is_alive(key):
                raise RefusalError(401)
            if not self.store.fits(key, order.worst):
                raise RefusalError(403)
            return self.store.hold(key, order.worst, order.worst)

    def settle(self, hold: Hold, cost: int) -> None:
        """Turn a hold into its cost, once: what comes second changes nothing."""
        with self.store.lock:
            if hold.settled:
                return
            hold.settled = True
            try:
                self.store.settle(hold, cost)
            except StoreError:
                self.log({"level": "error", "msg": "store_not_written"})

    def cost_of(self, order: Order, usage: Usage | None) -> int:
        """What an answer costs, in pico-dollars; without usage the outcome is unknown and costs the hold."""
        return order.worst if usage is None else order.model.price(usage.prompt, usage.completion)

    def cost_of_refusal(self, hold: Hold) -> int:
        """What a complete refusal by the provider costs."""
        return 0

    def upstream_headers(self, call: Call) -> Mapping[str, str]:
        """The headers that the provider gets: all our own, none of the caller's."""
        return {"Authorization": f"Bearer {self.config.upstream_key}", "Content-Type": "application/json"}

    def on_prompt(self, call: Call) -> None:
        """A prompt goes by."""

    def on_answer(self, call: Call, data: bytes) -> None:
        """An answer, or an event of one, goes by."""

    def on_provider_error(self, call: Call, data: bytes) -> None:
        """A refusal by the provider goes by."""

    def log(self, fields: Mapping[str, object]) -> None:
        """Write one logfmt line. Whoever calls this passes numbers, ids and words of our own."""
        line = {"ts": datetime.now(UTC).isoformat(timespec="milliseconds"), **fields}
        with self._log_mutex:
            self._log_file.write(" ".join(f"{name}={value}" for name, value in line.items()) + "\n")
            self._log_file.flush()

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
        return path if path == CHAT or any(path == known for _, known in self._routes) else "unmatched"

    def handle(self, call: Call, client: Client) -> Answer | None:
        """Answer a request; None when the answer went out as a stream."""
        if not self._is_served(call):
            raise RefusalError(404)
        try:
            if (call.method, call.path) == ("POST", CHAT):
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
        return call.side != "admin" or call.path not in {CHAT, "/v1/models"}

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
        order = order_of(call.body, self.config.models)
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
        self._bill(call, order, hold, usage_in(data))
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
        """Pass events on. Usage counts once [DONE] follows it: a stream that was cut may have cost more."""
        usage = None
        for event in events(lines(answer)):
            if not self.is_alive(hold.key):
                break
            self.on_answer(call, event)
            data = data_of(event)
            usage = usage_in(data) or usage
            if data == b"[DONE]":
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
                owner, order.payload, headers, lambda: self.is_alive(hold.key)
            ) as answer:
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
