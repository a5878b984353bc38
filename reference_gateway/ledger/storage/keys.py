"""The rows of keys."""

import sqlite3
from collections.abc import Sequence
from typing import Final

from reference_gateway.ledger import spend
from reference_gateway.ledger.accounts import ApiKey, Revision, Scope
from reference_gateway.ledger.keys import Verifier, endpoint_mask, endpoints_of
from reference_gateway.ledger.storage.budgets import KEY, Budgets, present

_INSERT: Final = """
    INSERT INTO api_key VALUES (:key_id, :account, :name, :salt, :digest, :generation, :disabled, 0,
        :endpoints, :any_model, :lim, :period, :win, :ends, :spent, :reserved, :total,
        :created_at, :updated_at, :expires_at)
"""
_REVISE: Final = """
    UPDATE api_key SET name = ?, disabled = ?, endpoints = ?, any_model = ?, lim = ?, expires_at = ?,
        updated_at = ?
    WHERE key_id = ?
"""
_ROTATE: Final = """
    UPDATE api_key SET salt = ?, digest = ?, generation = generation + 1, updated_at = ? WHERE key_id = ?
"""
_DELETE: Final = """
    UPDATE api_key SET deleted = 1, disabled = 1, name = '', salt = x'', digest = zeroblob(32), updated_at = ?
    WHERE key_id = ? AND NOT deleted
"""
_VERIFIERS: Final = """
    SELECT k.key_id, k.salt, k.digest, k.generation, k.expires_at, k.endpoints,
        k.lim IS NOT NULL OR a.lim IS NOT NULL AS limited,
        NOT k.disabled AND NOT coalesce(a.disabled, 0) AS usable
    FROM api_key k LEFT JOIN account a ON a.account_id = k.account
    WHERE NOT k.deleted
"""
_VERIFIER: Final = _VERIFIERS + " AND k.key_id = ?"
_VERIFIERS_OF_ACCOUNT: Final = _VERIFIERS + " AND k.account = ?"
_PAGE: Final = """
    SELECT * FROM api_key WHERE NOT deleted ORDER BY created_at DESC, key_id DESC LIMIT ? OFFSET ?
"""


class Keys(Budgets):
    """Keys: records for administrators, verifiers for the register."""

    def insert_key(self, key: ApiKey, salt: bytes, digest: bytes) -> None:
        """See `Storage`."""
        window = spend.window(key.period, key.created_at)
        values = {
            "key_id": key.key_id,
            "account": key.account,
            "name": key.name,
            "salt": salt,
            "digest": digest,
            "generation": key.generation,
            "disabled": key.disabled,
            "endpoints": endpoint_mask(key.scope.endpoints),
            "any_model": key.scope.models is None,
            "lim": key.limit,
            "period": int(key.period),
            "win": window[0],
            "ends": window[1],
            "spent": key.spent,
            "reserved": key.reserved,
            "total": key.total,
            "created_at": key.created_at,
            "updated_at": key.updated_at,
            "expires_at": key.expires_at,
        }
        self._db.execute(_INSERT, values)
        self._set_models(key.key_id, key.scope)

    def key(self, key_id: int, now: int) -> ApiKey | None:
        """See `Storage`."""
        row = self._one("SELECT * FROM api_key WHERE key_id = ? AND NOT deleted", (key_id,))
        return self._record(row, now) if row is not None else None

    def keys(self, offset: int, size: int, now: int) -> tuple[ApiKey, ...]:
        """See `Storage`."""
        return tuple(self._record(row, now) for row in self._all(_PAGE, (size, offset)))

    def revise_key(self, key_id: int, to: Revision, now: int) -> None:
        """See `Storage`."""
        endpoints, any_model = endpoint_mask(to.scope.endpoints), to.scope.models is None
        self._db.execute(
            _REVISE, (to.name, to.disabled, endpoints, any_model, to.limit, to.expires_at, now, key_id)
        )
        self._set_models(key_id, to.scope)
        self._turn(KEY, key_id, to.period, now)

    def rotate(self, key_id: int, salt: bytes, digest: bytes, now: int) -> None:
        """See `Storage`."""
        self._db.execute(_ROTATE, (salt, digest, now, key_id))

    def delete_key(self, key_id: int, now: int) -> bool:
        """See `Storage`."""
        return self._db.execute(_DELETE, (now, key_id)).rowcount == 1

    def verifier(self, key_id: int) -> Verifier | None:
        """See `Storage`."""
        row = self._one(_VERIFIER, (key_id,))
        return _verifier_of(row) if row is not None else None

    def verifiers(self) -> tuple[Verifier, ...]:
        """See `Storage`."""
        return tuple(_verifier_of(row) for row in self._all(_VERIFIERS, ()))

    def verifiers_of(self, account: int) -> tuple[Verifier, ...]:
        """See `Storage`."""
        return tuple(_verifier_of(row) for row in self._all(_VERIFIERS_OF_ACCOUNT, (account,)))

    def _is_for_model(self, key_id: int, number: int) -> bool:
        row = self._one("SELECT any_model FROM api_key WHERE key_id = ?", (key_id,))
        return row is not None and (bool(row["any_model"]) or number in self._model_numbers(key_id))

    def _model_numbers(self, key_id: int) -> frozenset[int]:
        rows = self._all("SELECT model FROM key_model WHERE key_id = ?", (key_id,))
        return frozenset(row["model"] for row in rows)

    def _set_models(self, key_id: int, scope: Scope) -> None:
        self._db.execute("DELETE FROM key_model WHERE key_id = ?", (key_id,))
        numbers = self._numbers(sorted(scope.models or ()))
        self._db.executemany("INSERT INTO key_model VALUES (?, ?)", [(key_id, number) for number in numbers])

    def _numbers(self, names: Sequence[str]) -> list[int]:
        offered = {model.name: model.number for model in self._models}
        if not offered.keys() >= set(names):
            raise ValueError("a scope names a model that is not on offer")
        return [offered[name] for name in names]

    def _record(self, row: sqlite3.Row, now: int) -> ApiKey:
        return ApiKey(
            key_id=row["key_id"],
            account=row["account"],
            name=row["name"],
            generation=row["generation"],
            scope=self._scope(row),
            expires_at=row["expires_at"],
            **present(row, now),
        )

    def _scope(self, row: sqlite3.Row) -> Scope:
        endpoints = endpoints_of(row["endpoints"])
        if row["any_model"]:
            return Scope(endpoints=endpoints)
        numbers = self._model_numbers(row["key_id"])
        # A model that is configured no longer has no name, and can be called by nobody.
        names = frozenset(model.name for model in self._models if model.number in numbers)
        return Scope(models=names, endpoints=endpoints)


def _verifier_of(row: sqlite3.Row) -> Verifier:
    return Verifier(
        key_id=row["key_id"],
        salt=row["salt"],
        digest=row["digest"],
        generation=row["generation"],
        limited=bool(row["limited"]),
        usable=bool(row["usable"]),
        expires_at=row["expires_at"],
        endpoints=row["endpoints"],
    )
