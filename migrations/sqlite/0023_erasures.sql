-- Erasures of customers as they are carried out: how far each has come. A customer has at most one.

CREATE TABLE erasures (
    id             TEXT    NOT NULL PRIMARY KEY,
    partner_id     TEXT    NOT NULL,
    customer_id    TEXT    UNIQUE REFERENCES customers (id),
    stage          TEXT    NOT NULL CHECK (stage IN ('first', 'again', 'done')),
    done_until     INTEGER, -- when the last intent that is done was made, and its id
    done_until_id  TEXT,
    requested_by   TEXT    NOT NULL,
    requested_at   INTEGER NOT NULL,
    due_at         INTEGER NOT NULL,
    finished_at    INTEGER,
    emptied        INTEGER NOT NULL,
    revision       INTEGER NOT NULL
) STRICT;
CREATE INDEX erasures_due ON erasures (due_at) WHERE finished_at IS NULL;

-- Operations and decisions about customers and payment methods, which are about no payment: few beside those about payments.
CREATE INDEX operations_of_subject ON operations (subject_id, id) WHERE payment_intent_id IS NULL;
CREATE INDEX risk_decisions_of_customer ON risk_decisions (customer_id, id) WHERE payment_intent_id IS NULL;
