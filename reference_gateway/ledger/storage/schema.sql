-- What requests leave behind is integers. Text and bytes are written by administrators' acts only: names, salted
-- digests of keys, the audit log. Amounts are nano-dollars, times UTC milliseconds. A window is from `win` to before `ends`.
CREATE TABLE account (
    account_id  INTEGER PRIMARY KEY,
    name        TEXT    NOT NULL CHECK (length(name) <= 100),
    disabled    INTEGER NOT NULL CHECK (disabled IN (0, 1)),
    lim         INTEGER          CHECK (lim >= 0),
    period      INTEGER NOT NULL CHECK (period BETWEEN 0 AND 3),
    win         INTEGER NOT NULL,
    ends        INTEGER NOT NULL CHECK (ends > win),
    spent       INTEGER NOT NULL CHECK (spent >= 0),
    reserved    INTEGER NOT NULL CHECK (reserved >= 0),
    total       INTEGER NOT NULL CHECK (total >= 0),
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX account_newest ON account (created_at DESC, account_id DESC);

-- `endpoints` has a bit for each endpoint; where `any_model` is 0, key_model lists the models.
CREATE TABLE api_key (
    key_id      INTEGER PRIMARY KEY,
    account     INTEGER          REFERENCES account,
    name        TEXT    NOT NULL CHECK (length(name) <= 100),
    salt        BLOB    NOT NULL CHECK (length(salt) <= 16),
    digest      BLOB    NOT NULL CHECK (length(digest) = 32),
    generation  INTEGER NOT NULL CHECK (generation >= 1),
    disabled    INTEGER NOT NULL CHECK (disabled IN (0, 1)),
    deleted     INTEGER NOT NULL CHECK (deleted IN (0, 1)),
    endpoints   INTEGER NOT NULL CHECK (endpoints BETWEEN 0 AND 255),
    any_model   INTEGER NOT NULL CHECK (any_model IN (0, 1)),
    lim         INTEGER          CHECK (lim >= 0),
    period      INTEGER NOT NULL CHECK (period BETWEEN 0 AND 3),
    win         INTEGER NOT NULL,
    ends        INTEGER NOT NULL CHECK (ends > win),
    spent       INTEGER NOT NULL CHECK (spent >= 0),
    reserved    INTEGER NOT NULL CHECK (reserved >= 0),
    total       INTEGER NOT NULL CHECK (total >= 0),
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    expires_at  INTEGER
) STRICT;
CREATE INDEX api_key_newest ON api_key (created_at DESC, key_id DESC);
CREATE INDEX api_key_of_account ON api_key (account);

CREATE TABLE key_model (
    key_id  INTEGER NOT NULL,
    model   INTEGER NOT NULL,
    PRIMARY KEY (key_id, model)
) STRICT, WITHOUT ROWID;

-- A hold, of its key and of the account above. AUTOINCREMENT, because a rid must never stand for two requests.
-- Prices need no column: they change with a restart only, and a hold that is open then is charged in full.
CREATE TABLE reservation (
    rid           INTEGER PRIMARY KEY AUTOINCREMENT,
    key_id        INTEGER NOT NULL,
    account       INTEGER,
    amount        INTEGER NOT NULL CHECK (amount >= 0),
    key_win       INTEGER NOT NULL,
    account_win   INTEGER,
    limited       INTEGER NOT NULL CHECK (limited IN (0, 1)),
    model         INTEGER NOT NULL,
    endpoint      INTEGER NOT NULL CHECK (endpoint BETWEEN 1 AND 7),
    prompt_bound  INTEGER NOT NULL CHECK (prompt_bound >= 0),
    created_at    INTEGER NOT NULL
) STRICT;

CREATE TABLE usage_record (
    rid                INTEGER PRIMARY KEY,
    key_id             INTEGER NOT NULL,
    model              INTEGER NOT NULL,
    endpoint           INTEGER NOT NULL CHECK (endpoint BETWEEN 1 AND 7),
    outcome            INTEGER NOT NULL CHECK (outcome BETWEEN 1 AND 5),
    prompt_tokens      INTEGER NOT NULL CHECK (prompt_tokens >= 0),
    completion_tokens  INTEGER NOT NULL CHECK (completion_tokens >= 0),
    cached_tokens      INTEGER NOT NULL CHECK (cached_tokens >= 0),
    written_tokens     INTEGER NOT NULL CHECK (written_tokens >= 0),
    charged            INTEGER NOT NULL CHECK (charged >= 0),
    began_at           INTEGER NOT NULL,
    ended_at           INTEGER NOT NULL
) STRICT;

-- What providers billed beyond their bounds falls to the operator, never to a limited key.
CREATE TABLE operator_account (
    id      INTEGER PRIMARY KEY CHECK (id = 1),
    excess  INTEGER NOT NULL CHECK (excess >= 0)
) STRICT;
INSERT INTO operator_account VALUES (1, 0);

-- Each line's link is a digest over the line before and this one; see ledger/audit.py.
CREATE TABLE audit_log (
    number   INTEGER PRIMARY KEY,
    at       INTEGER NOT NULL,
    actor    TEXT    NOT NULL CHECK (length(actor) <= 64),
    act      INTEGER NOT NULL CHECK (act >= 1),
    subject  INTEGER NOT NULL,
    link     BLOB    NOT NULL CHECK (length(link) = 32)
) STRICT;
CREATE TRIGGER audit_log_is_not_changed BEFORE UPDATE ON audit_log
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_log_is_not_shortened BEFORE DELETE ON audit_log
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
-- Without this, INSERT OR REPLACE would delete a line, and no trigger would see it.
CREATE TRIGGER audit_log_has_no_gaps BEFORE INSERT ON audit_log
WHEN NEW.number IS NOT (SELECT coalesce(max(number), 0) + 1 FROM audit_log)
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
