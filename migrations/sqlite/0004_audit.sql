-- What operators decide by command: who, when, what and why. Rows are only ever added.
-- And until when the secret before the last rotation of a key is good.

CREATE TABLE audit_log (
    id            TEXT    NOT NULL PRIMARY KEY,
    decided_at    INTEGER NOT NULL,
    actor         TEXT    NOT NULL,
    host          TEXT    NOT NULL,
    command       TEXT    NOT NULL,
    operation_id  TEXT    NOT NULL,
    outcome       TEXT    NOT NULL CHECK (outcome IN ('succeeded', 'failed')),
    reason        TEXT    NOT NULL
) STRICT;
CREATE INDEX audit_log_operation ON audit_log (operation_id, id);

ALTER TABLE api_keys ADD COLUMN previous_expires_at INTEGER;
