"""The calls of a dialect: filled in, sent, and their answers held against what the dialect expects."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from conformance.dialects.grammar import Call, Dialect, Operation, Pages
from conformance.dialects.keys import Key, KeyApiTrouble, Look, Sent
from conformance.dialects.template import UnknownVariable, fill_json, fill_text, follow
from conformance.model.scale import Fault
from conformance.probes.door import Answer, Door, NoAnswer, Reply

MAX_PAGES = 50
NOTHING_MORE: Mapping[str, str] = {}

_REACH = {
    "unreachable": Fault.NETWORK,
    "refused": Fault.NETWORK,
    "timeout": Fault.NETWORK,
    "tls": Fault.OPERATOR,
}


class Speaker:
    """Speaks one dialect with one key API."""

    def __init__(
        self,
        dialect: Dialect,
        door: Door,
        *,
        url: str,
        credential: str,
        run: str,
        variables: Mapping[str, str],
    ) -> None:
        """`url` is the key API's base; `credential` is the admin's and goes to `url` only; `run` names the audit."""
        self.dialect = dialect
        self.run = run
        self.variables = dict(variables)
        self._door = door
        self._url = url.rstrip("/")
        self._credential = credential
        self._answered = False  # whether the key API ever answered

    def offered(self, name: str, operation: Operation | None) -> Operation:
        if operation is not None:
            return operation
        reason = self.dialect.absent.get(name, "the dialect does not describe it")
        raise KeyApiTrouble(
            f"'{self.dialect.name}' offers no '{name}': {reason}",
            fault=Fault.OPERATOR,
            decide=f"describe `{name}` in the dialect, where the gateway has it",
        )

    async def perform(
        self,
        name: str,
        operation: Operation,
        variables: dict[str, Any],
        headers: Mapping[str, str] = NOTHING_MORE,
        made: list[Sent] | None = None,
    ) -> tuple[dict[str, Any], Answer]:
        """What the calls of an operation captured, and the last answer; each is noted in `made` as it was sent."""
        captured: dict[str, Any] = {}
        for number, call in enumerate(operation.calls):
            sent = Sent(call, {**_with_text(variables), **captured}, headers)
            try:
                answer = self._expect(name, call, await self.send(call, sent.variables, headers))
            except KeyApiTrouble as trouble:
                trouble.call = number
                raise
            if made is not None:
                made.append(sent)
            document = answer.json()
            captured |= {variable: follow(document, pointer) for variable, pointer in call.capture.items()}
        return captured, answer

    async def send(
        self, call: Call, variables: Mapping[str, Any], more: Mapping[str, str] = NOTHING_MORE
    ) -> Reply:
        path, headers, body = self._filled(call, variables)
        # The door takes a mere path below the content API's base URL.
        url = path if call.at == "content-api" else self._url + path
        headers = {**more, **self._authority(call, variables), **headers}
        return await self._door.send(call.method, url, headers=headers, json=body)

    def _authority(self, call: Call, variables: Mapping[str, Any]) -> dict[str, str]:
        """The header that carries the credential of a call."""
        if call.at == "content-api":
            return self._door.auth(str(variables.get("key") or ""))
        credential = self._credential if call.credential == "admin" else str(variables.get("key") or "")
        return {self.dialect.auth_header: self.dialect.auth_value.replace("{credential}", credential)}

    def _filled(self, call: Call, variables: Mapping[str, Any]) -> tuple[str, dict[str, str], Any]:
        """Path, headers without the credential, and body of a call."""
        try:
            headers = {name: fill_text(value, variables) for name, value in call.headers.items()}
            path = fill_text(call.path, variables, escape=True)
            body = None if call.body is None else fill_json(call.body, variables)
        except UnknownVariable as trouble:
            raise KeyApiTrouble(
                f"the dialect '{self.dialect.name}': {trouble}",
                fault=Fault.OPERATOR,
                decide="set it under `dialect.variables`, or capture it in an earlier call",
            ) from None
        return path, headers, body

    def _expect(self, name: str, call: Call, reply: Reply) -> Answer:
        if isinstance(reply, NoAnswer):
            raise KeyApiTrouble(
                f"{call.method} {call.path} ({name}) was not answered: {reply.kind}",
                fault=_REACH.get(reply.kind, Fault.TARGET),
                decide="see what keeps the key API from answering, which it did before; lower `limits.connections` and "
                "`limits.rate` if that many requests do, and repeat the audit"
                if self._answered
                else "repeat the audit when the key API answers",
                sent=reply.sent,
            )
        self._answered = True
        if reply.status not in call.success:
            raise self.trouble(name, f"{call.method} {call.path} answered {reply.status}", reply)
        return reply

    def trouble(self, name: str, what: str, answer: Answer) -> KeyApiTrouble:
        # Whatever is neither overload nor breakdown was a well-formed answer to what the dialect made us ask.
        busy = answer.status == 429 or answer.status >= 500
        return KeyApiTrouble(
            f"key API, '{name}': {what}",
            fault=Fault.TARGET if busy else Fault.OPERATOR,
            decide="check the admin credential and the dialect against the gateway's API",
            answer=answer,
        )

    def of(self, key: Key) -> dict[str, Any]:
        return {
            **self.variables,
            **key.variables,
            "name": key.name,
            "id": key.id,
            "key": key.secret or None,
            "run": self.run,
        }

    def _first_page(self, pages: Pages) -> dict[str, Any]:
        return {**self.variables, "size": pages.size, "offset": 0, "page": 1, "cursor": ""}

    async def pages(self) -> tuple[Answer, ...]:
        """Every page of the listing of keys, the first fifty at most; empty where the dialect has none."""
        pages = self.dialect.listing
        if pages is None:
            return ()
        answers: list[Answer] = []
        variables = self._first_page(pages)
        while len(answers) < MAX_PAGES:
            answer = self._expect("listing", pages.call, await self.send(pages.call, variables))
            items = follow(answer.json(), pages.items)
            if answers and items == follow(answers[-1].json(), pages.items):
                break  # the gateway does not page: it gave the same entries again
            answers.append(answer)
            count = len(items) if isinstance(items, list) else 0
            cursor = follow(answer.json(), pages.cursor) if pages.cursor else None
            more = bool(cursor) if pages.style == "cursor" else count > 0 and pages.style != "none"
            if not more:
                break
            variables |= {
                "offset": variables["offset"] + count,
                "page": variables["page"] + 1,
                "cursor": cursor or "",
            }
        return tuple(answers)

    def look(self, key: Key | None) -> Look | None:
        """What may be asked without any harm: the first page of the listing, else what reads `key`.

        None where the dialect describes neither as a single GET with the admin credential. The key's secret is in no part
        of it: paths stand in evidence.
        """
        asked: list[tuple[Call, Mapping[str, Any]]] = []
        if self.dialect.listing is not None:
            asked.append((self.dialect.listing.call, self._first_page(self.dialect.listing)))
        if self.dialect.read is not None and key is not None:
            asked.append((self.dialect.read.calls[0], {**self.of(key), "key": None}))
        for call, variables in asked:
            if (call.method, call.credential, call.body) != ("GET", "admin", None):
                continue
            try:
                path, headers, _ = self._filled(call, variables)
            except KeyApiTrouble:
                continue
            return Look(path, headers, {**self._authority(call, variables), **headers})
        return None


def _with_text(variables: Mapping[str, Any]) -> dict[str, Any]:
    """The variables, and the limit once more as the text that stands for it, for key APIs whose amounts are strings."""
    match variables.get("limit"):
        case None:
            return dict(variables)
        case Decimal() as amount:
            text = f"{amount:f}"
        case msgspec.Raw() as literal:
            text = bytes(literal).decode()
        case told:  # an earlier answer held it
            text = str(told)
    return {**variables, "limit_text": text}
