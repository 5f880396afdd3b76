-- The ledger. `operations` is the truth and append-only; `holds` is its sum, kept for speed.
-- Both carry the law approved = captured + released + lapsed + open as a constraint, so that
-- a wrong line cannot be written, whatever the program thinks.
CREATE TABLE IF NOT EXISTS operations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL,
    operation_id TEXT NOT NULL UNIQUE,
    operation TEXT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('done', 'declined', 'refused')),
    code TEXT NOT NULL,
    merchant_reference TEXT NOT NULL,
    payment_reference TEXT NOT NULL,
    session_id TEXT NOT NULL,
    currency TEXT NOT NULL,
    approved INTEGER NOT NULL,
    captured INTEGER NOT NULL,
    released INTEGER NOT NULL,
    lapsed INTEGER NOT NULL,
    open INTEGER NOT NULL,
    refunded INTEGER NOT NULL,
    occurred_at INTEGER NOT NULL,
    answer BLOB NOT NULL,
    CHECK (approved = captured + released + lapsed + open),
    CHECK (outcome = 'done' OR (approved = 0 AND captured = 0 AND released = 0 AND lapsed = 0
                                AND open = 0 AND refunded = 0))
) STRICT;
CREATE INDEX IF NOT EXISTS operations_by_merchant_reference ON operations (account, merchant_reference);
CREATE INDEX IF NOT EXISTS operations_by_payment_reference ON operations (account, payment_reference);
CREATE INDEX IF NOT EXISTS operations_by_session ON operations (session_id) WHERE session_id <> '';
CREATE TRIGGER IF NOT EXISTS operations_are_never_changed BEFORE UPDATE ON operations
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER IF NOT EXISTS operations_are_never_deleted BEFORE DELETE ON operations
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;

CREATE TABLE IF NOT EXISTS holds (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL,
    payment_reference TEXT NOT NULL,
    currency TEXT NOT NULL,
    approved INTEGER NOT NULL,
    captured INTEGER NOT NULL CHECK (captured >= 0),
    released INTEGER NOT NULL CHECK (released >= 0),
    lapsed INTEGER NOT NULL CHECK (lapsed >= 0),
    open INTEGER NOT NULL CHECK (open >= 0),
    refunded INTEGER NOT NULL CHECK (refunded >= 0 AND refunded <= captured),
    expires_at INTEGER NOT NULL,
    hold BLOB NOT NULL,
    UNIQUE (account, payment_reference),
    CHECK (approved = captured + released + lapsed + open)
) STRICT;
CREATE INDEX IF NOT EXISTS holds_to_lapse ON holds (account, expires_at) WHERE open > 0;
CREATE TRIGGER IF NOT EXISTS holds_are_never_deleted BEFORE DELETE ON holds
    BEGIN SELECT RAISE(ABORT, 'a hold is never forgotten'); END;

-- Every request with its fate, also those that never acted: evidence, and the count of attempts.
CREATE TABLE IF NOT EXISTS arrivals (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL,
    operation TEXT NOT NULL,
    merchant_reference TEXT NOT NULL,
    arrived_at INTEGER NOT NULL,
    fault TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS arrivals_by_reference ON arrivals (account, merchant_reference, operation);

CREATE TABLE IF NOT EXISTS script_matches (
    account TEXT NOT NULL,
    script INTEGER NOT NULL,
    matches INTEGER NOT NULL,
    PRIMARY KEY (account, script)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS keys (
    account TEXT NOT NULL,
    key TEXT NOT NULL,
    body_hash BLOB NOT NULL,
    status INTEGER NOT NULL,
    body BLOB NOT NULL,
    stored_at INTEGER NOT NULL,
    PRIMARY KEY (account, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS clocks (
    account TEXT PRIMARY KEY,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What will come of an operation later: a capture or refund that fails after all.
CREATE TABLE IF NOT EXISTS failures (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL,
    operation_id TEXT NOT NULL,
    due_at INTEGER NOT NULL,
    is_over INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX IF NOT EXISTS failures_due ON failures (account, due_at) WHERE is_over = 0;

CREATE TABLE IF NOT EXISTS webhooks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL,
    event_id TEXT NOT NULL,
    payment_reference TEXT NOT NULL,
    body BLOB NOT NULL,
    due_at INTEGER NOT NULL,
    waits_for_next INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'abandoned', 'dropped')),
    rounds INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX IF NOT EXISTS webhooks_pending ON webhooks (account, due_at) WHERE state = 'pending';
