"""The second gateway's promises, one small method each; those about keys are in `Keys`. A twin overrides one of them."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TextIO

from tests.hosts.second_admin import KeyDesk
from tests.hosts.second_config import Config
from tests.hosts.second_edge import Handler, Redirect
from tests.hosts.second_http import Call, Ending, RefusalError
from tests.hosts.second_order import Order, Usage
from tests.hosts.second_store import Hold, Key, StoreError


class Promises(KeyDesk):
    """What is kept whatever happens, and what is told of what goes by: nothing."""

    config: Config
    _log_mutex: threading.Lock
    _log_file: TextIO

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

    def on_provider_head(self, call: Call, status: int, media: str) -> None:
        """The provider begins to answer."""

    def on_sent(self, call: Call, data: bytes) -> None:
        """What the caller is sent goes by."""

    def on_end(self, call: Call, status: int, ending: Ending) -> None:
        """An exchange is over; status 0 where nothing was answered."""

    def log(self, fields: Mapping[str, object]) -> None:
        """Write one logfmt line. Whoever calls this passes numbers, ids and words of our own."""
        line = {"ts": datetime.now(UTC).isoformat(timespec="milliseconds"), **fields}
        with self._log_mutex:
            self._log_file.write(" ".join(f"{name}={value}" for name, value in line.items()) + "\n")
            self._log_file.flush()
