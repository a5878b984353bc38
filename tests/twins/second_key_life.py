"""The second gateway with keys that are made and that end in other ways: some flawed, some only odd."""

import json
import threading
import time
from functools import partial
from http.client import HTTPResponse

from tests.hosts.second_config import Config
from tests.hosts.second_gateway import SecondGateway
from tests.hosts.second_http import Answer, Call, Client, RefusalError
from tests.hosts.second_order import Order
from tests.hosts.second_store import Hold, Key
from tests.twins import registry
from tests.twins.checks import AS_LONG, EXPIRED, OPEN, SHOWN_ONCE

twin = partial(registry.twin, host="second")
variant = partial(registry.variant, host="second")


# --- made twice --------------------------------------------------------------------------------------------


class _Repeatable(SecondGateway):
    """A creation is known again by a header."""

    header = "Idempotency-Key"

    def generate_key(self, call: Call) -> Answer:
        made: dict[str, Answer] = self.__dict__.setdefault("_made", {})
        name = call.headers.get(self.header)
        if name is None:
            return super().generate_key(call)
        if name in made:
            return self.again(made[name])
        made[name] = super().generate_key(call)
        return made[name]

    def again(self, first: Answer) -> Answer:
        """What whoever asks again is told."""
        return first


@twin("creation-is-replayed", fails={SHOWN_ONCE})
class CreationIsReplayed(_Repeatable):
    """The first answer once more, by the header that tracers use."""

    header = "X-Request-Id"


@variant("creation-is-refused-again", about=("K1",))
class CreationIsRefusedAgain(_Repeatable):
    """What was done is not done twice, and is said to have been done."""

    def again(self, first: Answer) -> Answer:
        raise RefusalError(409)


# --- open when the key ends --------------------------------------------------------------------------------


class _Finishing(SecondGateway):
    """A stream that was begun goes on to its end."""

    def __init__(self, config: Config) -> None:
        self._relaying = threading.local()
        super().__init__(config)

    def _relay(self, call: Call, client: Client, order: Order, hold: Hold, answer: HTTPResponse) -> None:
        self._relaying.now = True
        try:
            super()._relay(call, client, order, hold, answer)
        finally:
            self._relaying.now = False

    def is_alive(self, key: Key) -> bool:
        return getattr(self._relaying, "now", False) or super().is_alive(key)

    def cut(self, token: str) -> None:
        return


@twin("streams-outlive-their-key", fails={OPEN})
class StreamsOutliveTheirKey(_Finishing):
    """A key is asked for when a call begins, and never after."""


@variant("streams-finish-as-documented", about=("K3",), claims={"streams_after_revocation": "finish"})
class StreamsFinishAsDocumented(_Finishing):
    """The same, and the page says so."""


class _Goodbye:
    """The caller's end of a stream, which is told in text that it was cut."""

    def __init__(self, client: Client) -> None:
        self.begin, self.piece, self.end = client.begin, client.piece, client.end

    def abort(self) -> None:
        said = '{"choices":[{"index":0,"delta":{"content":" [this key has been ended by its owner]"}}]}'
        self.piece(f"data: {said}\n\ndata: [DONE]\n\n".encode())
        self.end()


@variant("ended-streams-say-goodbye", about=("K3",))
class EndedStreamsSayGoodbye(SecondGateway):
    """What ends a stream before its time is told as if the model said it."""

    def _stream(self, call: Call, client: Client, order: Order, hold: Hold) -> None:
        super()._stream(call, _Goodbye(client), order, hold)


class _Whole(_Goodbye):
    """The caller's end of a stream, which gets all of it at once."""

    def __init__(self, client: Client) -> None:
        super().__init__(client)
        self.client = client
        self.kept = bytearray()
        self.piece, self.end = self.keep, self.finish

    def keep(self, data: bytes) -> None:
        self.kept += data

    def finish(self) -> None:
        self.client.piece(bytes(self.kept))
        self.client.end()

    def abort(self) -> None:
        self.client.abort()


@variant("streams-come-whole", about=("K3",))
class StreamsComeWhole(SecondGateway):
    """A stream is passed on when all of it is there, so that nobody can see it end."""

    def _stream(self, call: Call, client: Client, order: Order, hold: Hold) -> None:
        super()._stream(call, _Whole(client), order, hold)


# --- dates -------------------------------------------------------------------------------------------------


@twin("expired-keys-are-swept-late", fails={EXPIRED})
class ExpiredKeysAreSweptLate(SecondGateway):
    """Whoever expires is ended by a job that comes by every few seconds."""

    def is_alive(self, key: Key) -> bool:
        return not key.blocked and (key.expires is None or time.time() < key.expires + 2)


@variant("ends-are-told-without-a-zone", about=("K3",))
class EndsAreToldWithoutAZone(SecondGateway):
    """A date as databases write it, of Greenwich."""

    def describe_key(self, key: Key) -> dict[str, object]:
        row = super().describe_key(key)
        told = row["expires"]
        return {**row, "expires": told.partition("+")[0].replace("T", " ") if isinstance(told, str) else None}


@variant("keys-have-no-end", about=("K3",))
class KeysHaveNoEnd(SecondGateway):
    """What it does not know it leaves aside, and its answers say so."""

    def generate_key(self, call: Call) -> Answer:
        wanted = {name: value for name, value in json.loads(call.body).items() if name != "duration"}
        call.body = json.dumps(wanted).encode()
        return super().generate_key(call)


# --- the time that refusals take ---------------------------------------------------------------------------


@twin("known-tokens-take-longer", fails={AS_LONG}, alone=True)
class KnownTokensTakeLonger(SecondGateway):
    """Another store is asked for the rest of a key whose token is known."""

    def by_secret(self, secret: str) -> Key | None:
        if self.token_of(secret) in self.store.keys:
            time.sleep(0.003)
        return super().by_secret(secret)
