-- Integers throughout. The one text column is the name that an administrator gives a key.
CREATE TABLE IF NOT EXISTS account (
    key_id      INTEGER PRIMARY KEY,
    name        TEXT    NOT NULL CHECK (length(name) <= 100),
    salt        BLOB    NOT NULL CHECK (length(salt) <= 16),
    digest      BLOB    NOT NULL CHECK (length(digest) = 32),
    generation  INTEGER NOT NULL CHECK (generation >= 1),
    disabled    INTEGER NOT NULL CHECK (disabled IN (0, 1)),
    deleted     INTEGER NOT NULL CHECK (deleted IN (0, 1)),
    lim         INTEGER          CHECK (lim >= 0),
    period      INTEGER NOT NULL CHECK (period BETWEEN 0 AND 3),
    win         INTEGER NOT NULL,
    spent       INTEGER NOT NULL CHECK (spent >= 0),
    reserved    INTEGER NOT NULL CHECK (reserved >= 0),
    total       INTEGER NOT NULL CHECK (total >= 0),
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    expires_at  INTEGER
) STRICT;
CREATE INDEX IF NOT EXISTS account_newest ON account (created_at DESC, key_id DESC);

-- A hold. The price is frozen in it, so that a price change cannot reach a request under way.
CREATE TABLE IF NOT EXISTS reservation (
    rid               INTEGER PRIMARY KEY AUTOINCREMENT,
    key_id            INTEGER NOT NULL,
    amount            INTEGER NOT NULL CHECK (amount >= 0),
    win               INTEGER NOT NULL,
    model             INTEGER NOT NULL,
    prompt_price      INTEGER NOT NULL CHECK (prompt_price >= 0),
    completion_price  INTEGER NOT NULL CHECK (completion_price >= 0),
    created_at        INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS usage_record (
    rid                INTEGER PRIMARY KEY,
    key_id             INTEGER NOT NULL,
    model              INTEGER NOT NULL,
    outcome            INTEGER NOT NULL CHECK (outcome BETWEEN 1 AND 5),
    prompt_tokens      INTEGER NOT NULL CHECK (prompt_tokens >= 0),
    completion_tokens  INTEGER NOT NULL CHECK (completion_tokens >= 0),
    charged            INTEGER NOT NULL CHECK (charged >= 0),
    began_at           INTEGER NOT NULL,
    ended_at           INTEGER NOT NULL
) STRICT;

-- What providers billed beyond their bounds falls to the operator, never to a limited key.
CREATE TABLE IF NOT EXISTS operator_account (
    id      INTEGER PRIMARY KEY CHECK (id = 1),
    excess  INTEGER NOT NULL CHECK (excess >= 0)
) STRICT;
INSERT OR IGNORE INTO operator_account VALUES (1, 0);
