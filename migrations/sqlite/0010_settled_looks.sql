-- Settled payments are asked about now and then, and never hold up those that are under way: each kind has an index of its
-- own. And what operators do that is about no single operation: who, when, and what. Rows are only ever added.

DROP INDEX payment_intents_poll;
CREATE INDEX payment_intents_poll ON payment_intents (poll_at)
    WHERE poll_at IS NOT NULL AND (state NOT IN ('succeeded', 'partially_paid') OR refund_pending > 0);
CREATE INDEX payment_intents_poll_settled ON payment_intents (poll_at)
    WHERE poll_at IS NOT NULL AND state IN ('succeeded', 'partially_paid') AND refund_pending = 0;

CREATE TABLE operator_commands (
    id        TEXT    NOT NULL PRIMARY KEY,
    given_at  INTEGER NOT NULL,
    actor     TEXT    NOT NULL,
    host      TEXT    NOT NULL,
    command   TEXT    NOT NULL
) STRICT;
