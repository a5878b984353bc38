"""The second gateway's key interface, in the LiteLLM dialect: master key, limits on keys and on users."""

from __future__ import annotations

import hmac
import math
import re
import secrets
import time
from collections.abc import Callable, Mapping

from tests.hosts.second_http import Answer, Call, RefusalError, as_json
from tests.hosts.second_keys import Keys
from tests.hosts.second_order import parse
from tests.hosts.second_store import Account, Key, Store, to_pico

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
LONGEST_TEXT = 200
SHORTEST_MASTER = 20


class KeyDesk(Keys):
    """Creates, shows, changes and ends keys and users."""

    def __init__(self, store: Store, per_usd: int, master_key: str) -> None:
        super().__init__(store, per_usd)
        if len(master_key) < SHORTEST_MASTER:
            raise ValueError(f"the master key is too short: give it {SHORTEST_MASTER} characters or more")
        self._master = master_key

    def admin_routes(self) -> dict[tuple[str, str], Callable[[Call], Answer]]:
        """What only the master key opens."""
        return {
            ("POST", "/key/generate"): self.generate_key,
            ("GET", "/key/list"): self.list_keys,
            ("POST", "/key/update"): self.update_key,
            ("POST", "/key/delete"): self.delete_keys,
            ("POST", "/key/block"): self.block_key,
            ("POST", "/key/unblock"): self.unblock_key,
            ("POST", "/user/new"): self.new_user,
            ("GET", "/user/info"): self.user_info,
            ("POST", "/user/update"): self.update_user,
            ("POST", "/user/delete"): self.delete_users,
        }

    def is_master(self, secret: str) -> bool:
        """Whether a caller showed the master key."""
        return hmac.compare_digest(secret.encode(), self._master.encode())

    def require_master(self, call: Call) -> None:
        """Refuse everybody else."""
        if not self.is_master(call.bearer):
            raise RefusalError(401)

    def key_info(self, call: Call) -> Answer:
        """GET /key/info: of any key with the master key, of itself with a key."""
        if "key" in call.query:
            self.require_master(call)
            key = self._named(call.query["key"])
        else:
            key = self.authenticate(call.bearer)
        return as_json({"key": key.id, "info": self.describe_key(key)})

    def generate_key(self, call: Call) -> Answer:
        """POST /key/generate."""
        wanted = parse(call.body, exact=True)
        token = secrets.token_hex(8)
        secret = self.new_secret(token, _text(wanted, "key_alias"))
        key = Key(
            token,
            limit=self._limit(wanted),
            stored=self.stored_form(secret),
            name=f"sk-...{secret[-4:]}",
            alias=_text(wanted, "key_alias"),
            user_id=_text(wanted, "user_id"),
            expires=_expiry(_text(wanted, "duration")),
            metadata=_object(parse(call.body).get("metadata")),
        )
        with self.store.lock:
            self.store.keys[token] = key
            self.store.save()
        return as_json(self.create_answer(key, secret))

    def list_keys(self, call: Call) -> Answer:
        """GET /key/list, paged from 1."""
        page, size = _number(call.query, "page", 1), min(_number(call.query, "size", 10), 100)
        with self.store.lock:
            keys = list(self.store.keys.values())
        chosen = keys[(page - 1) * size : page * size]
        whole = call.query.get("return_full_object", "").lower() == "true"
        return as_json({
            "keys": [self.describe_key(key) if whole else key.id for key in chosen],
            "total_count": len(keys),
            "current_page": page,
            "total_pages": math.ceil(len(keys) / size),
        })  # fmt: skip

    def update_key(self, call: Call) -> Answer:
        """POST /key/update; only what is named changes."""
        wanted = parse(call.body, exact=True)
        key, blocked = self._named(wanted.get("key")), wanted.get("blocked", False)
        limit, alias = self._limit(wanted), _text(wanted, "key_alias")
        if not isinstance(blocked, bool):
            raise RefusalError(400)
        with self.store.lock:
            key.limit = limit if "max_budget" in wanted else key.limit
            key.alias = alias if "key_alias" in wanted else key.alias
            key.blocked = blocked if "blocked" in wanted else key.blocked
            self.store.save()
        if key.blocked:
            self.revoke(key, forget=False)
        return as_json({"key": key.id, **self.describe_key(key)})

    def delete_keys(self, call: Call) -> Answer:
        """POST /key/delete; all of them, or none."""
        names = parse(call.body).get("keys")
        if not isinstance(names, list) or not names:
            raise RefusalError(400)
        keys = [self._named(name) for name in names]
        for key in keys:
            self.revoke(key, forget=True)
        return as_json({"deleted_keys": [key.id for key in keys]})

    def block_key(self, call: Call) -> Answer:
        """POST /key/block."""
        key = self._named(parse(call.body).get("key"))
        self.revoke(key, forget=False)
        return as_json(self.describe_key(key))

    def unblock_key(self, call: Call) -> Answer:
        """POST /key/unblock."""
        key = self._named(parse(call.body).get("key"))
        with self.store.lock:
            key.blocked = False
            self.store.save()
        return as_json(self.describe_key(key))

    def new_user(self, call: Call) -> Answer:
        """POST /user/new."""
        wanted = parse(call.body, exact=True)
        user = Account(_text(wanted, "user_id") or secrets.token_hex(8), limit=self._limit(wanted))
        with self.store.lock:
            if user.id in self.store.users:
                raise RefusalError(400)
            self.store.users[user.id] = user
            self.store.save()
        return as_json(self.describe_user(user))

    def user_info(self, call: Call) -> Answer:
        """GET /user/info?user_id=."""
        user = self._user(call.query.get("user_id"))
        return as_json({"user_id": user.id, "user_info": self.describe_user(user)})

    def update_user(self, call: Call) -> Answer:
        """POST /user/update."""
        wanted = parse(call.body, exact=True)
        user, limit = self._user(wanted.get("user_id")), self._limit(wanted)
        with self.store.lock:
            user.limit = limit if "max_budget" in wanted else user.limit
            self.store.save()
        return as_json(self.describe_user(user))

    def delete_users(self, call: Call) -> Answer:
        """POST /user/delete: users, and with each of them its keys."""
        names = parse(call.body).get("user_ids")
        users = [self._user(name) for name in names] if isinstance(names, list) else []
        for user in users:
            for key in [key for key in self.store.keys.values() if key.user_id == user.id]:
                self.revoke(key, forget=True)
            with self.store.lock:
                self.store.users.pop(user.id, None)
                self.store.save()
        return as_json({"deleted_users": [user.id for user in users]})

    def _limit(self, wanted: Mapping[str, object]) -> int | None:
        amount = wanted.get("max_budget")
        return None if amount is None else to_pico(amount, self.per_usd)

    def _named(self, name: object) -> Key:
        text = name if isinstance(name, str) else ""
        key = self.store.keys.get(text) or self.by_secret(text)
        if key is None:
            raise RefusalError(404)
        return key

    def _user(self, name: object) -> Account:
        user = self.store.users.get(name) if isinstance(name, str) else None
        if user is None:
            raise RefusalError(404)
        return user


def _text(wanted: Mapping[str, object], name: str) -> str | None:
    value = wanted.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_TEXT:
        raise ValueError(name)
    value.encode()  # a lone surrogate is a UnicodeEncodeError, hence a ValueError
    return value


def _object(value: object) -> dict[str, object]:
    given = {} if value is None else value
    if not isinstance(given, dict) or any(isinstance(inner, dict | list) for inner in given.values()):
        raise ValueError("metadata is a flat object")
    return given


def _expiry(duration: str | None) -> float | None:
    """`30s`, `5m`, `12h` or `90d` from now, as a Unix time."""
    if duration is None:
        return None
    match = re.fullmatch(r"([0-9]{1,6})([smhd])", duration)
    if match is None:
        raise ValueError("a duration is a number and one of s, m, h, d")
    return time.time() + int(match[1]) * SECONDS[match[2]]


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not re.fullmatch(r"[1-9][0-9]{0,5}", text):
        raise ValueError(name)
    return int(text)
