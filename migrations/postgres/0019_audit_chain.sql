-- One log of all that is decided by people, by keys and by the gateway itself, in which each row has a keyed hash over itself and the
-- hash of the row before it. The head says which rows there are, under a seal of its own. What the three tables before had is not
-- carried over: their rows have no hashes, and a migration has no key to make any.

DROP TABLE audit_log;
DROP TABLE operator_commands;
DROP TABLE risk_changes;

CREATE TABLE audit_log (
    sequence       BIGINT  NOT NULL PRIMARY KEY,
    id             TEXT    NOT NULL UNIQUE,
    made_at        BIGINT  NOT NULL,
    actor_kind     TEXT    NOT NULL,
    actor          TEXT    NOT NULL,
    host           TEXT    NOT NULL,
    action         TEXT    NOT NULL,
    object_kind    TEXT    NOT NULL,
    object         TEXT    NOT NULL,
    reason         TEXT    NOT NULL,
    value_before   TEXT,
    value_after    TEXT,
    previous_hash  BYTEA   NOT NULL,
    hash           BYTEA   NOT NULL
);
CREATE INDEX audit_log_object ON audit_log (object, sequence);
CREATE INDEX audit_log_action ON audit_log (action, sequence);

CREATE TABLE audit_head (
    id                 BIGINT  NOT NULL PRIMARY KEY CHECK (id = 1),
    sequence           BIGINT  NOT NULL,
    hash               BYTEA   NOT NULL,
    first_sequence     BIGINT  NOT NULL,
    hash_before_first  BYTEA   NOT NULL,
    seal               BYTEA   NOT NULL
);
INSERT INTO audit_head (id, sequence, hash, first_sequence, hash_before_first, seal)
VALUES (1, 0, '\x', 1, '\x', '\x');
