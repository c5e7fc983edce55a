-- The ground: who may call, the journal of operations, the objects, their events, and the webhooks that came in.
-- Times are microseconds since 1970. What is sealed is JSON under AEAD; the key is not in this database.

CREATE TABLE partners (
    id          TEXT    NOT NULL PRIMARY KEY,
    name        TEXT    NOT NULL UNIQUE,
    created_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE api_keys (
    id                    TEXT    NOT NULL PRIMARY KEY,
    partner_id            TEXT    NOT NULL REFERENCES partners (id),
    name                  TEXT    NOT NULL,
    secret_hash           BLOB    NOT NULL,
    previous_secret_hash  BLOB,
    scopes                TEXT    NOT NULL,
    allowed               TEXT    NOT NULL,
    expires_at            INTEGER,
    revoked_at            INTEGER,
    last_used_at          INTEGER,
    created_at            INTEGER NOT NULL
) STRICT;

CREATE TABLE operations (
    id                 TEXT    NOT NULL PRIMARY KEY,
    partner_id         TEXT    NOT NULL,
    kind               TEXT    NOT NULL,
    subject_id         TEXT    NOT NULL,
    payment_intent_id  TEXT,
    state              TEXT    NOT NULL CHECK (state IN ('sent', 'in_doubt', 'needs_operator', 'done')),
    epoch              INTEGER NOT NULL,
    lease_until        INTEGER NOT NULL,
    next_check_at      INTEGER,
    sent_at            INTEGER NOT NULL,
    finished_at        INTEGER,
    misses             INTEGER NOT NULL,
    baseline           INTEGER NOT NULL,
    idempotency_key    TEXT,
    fingerprint        BLOB,
    answer             BLOB, -- sealed
    request_id         TEXT    NOT NULL
) STRICT;
CREATE UNIQUE INDEX operations_idempotency ON operations (partner_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX operations_due ON operations (next_check_at) WHERE state IN ('sent', 'in_doubt');
CREATE INDEX operations_open ON operations (payment_intent_id) WHERE state IN ('sent', 'in_doubt', 'needs_operator');
CREATE INDEX operations_subject ON operations (subject_id);

CREATE TABLE customers (
    id            TEXT    NOT NULL PRIMARY KEY,
    partner_id    TEXT    NOT NULL,
    upstream_id   TEXT,
    reference_id  TEXT,
    details       BLOB    NOT NULL, -- sealed
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    UNIQUE (partner_id, reference_id)
) STRICT;
CREATE INDEX customers_list ON customers (partner_id, id);
CREATE INDEX customers_upstream ON customers (upstream_id);

CREATE TABLE payment_methods (
    id           TEXT    NOT NULL PRIMARY KEY,
    partner_id   TEXT    NOT NULL,
    customer_id  TEXT    NOT NULL REFERENCES customers (id),
    upstream_id  TEXT,
    kind         TEXT    NOT NULL,
    card         BLOB    NOT NULL, -- sealed
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    UNIQUE (customer_id, upstream_id)
) STRICT;
CREATE INDEX payment_methods_list ON payment_methods (customer_id, id);

CREATE TABLE payment_intents (
    id                   TEXT    NOT NULL PRIMARY KEY,
    partner_id           TEXT    NOT NULL,
    upstream_id          TEXT    UNIQUE,
    upstream_payment_id  TEXT,
    state                TEXT    NOT NULL CHECK (state IN ('requires_payment_method', 'requires_confirmation',
                                'requires_action', 'processing', 'succeeded', 'partially_paid', 'canceled')),
    currency             TEXT    NOT NULL,
    amount               INTEGER NOT NULL CHECK (amount > 0),
    received             INTEGER NOT NULL CHECK (received BETWEEN 0 AND amount),
    refunded             INTEGER NOT NULL CHECK (refunded >= 0),
    refund_pending       INTEGER NOT NULL CHECK (refund_pending >= 0),
    charged_back         INTEGER NOT NULL CHECK (charged_back >= 0),
    customer_id          TEXT    REFERENCES customers (id),
    reference_id         TEXT,
    details              BLOB    NOT NULL, -- sealed
    progress             BLOB    NOT NULL, -- sealed
    upstream_version     INTEGER NOT NULL,
    asked_at             INTEGER NOT NULL,
    poll_at              INTEGER,
    created_at           INTEGER NOT NULL,
    updated_at           INTEGER NOT NULL,
    CHECK (refund_pending + refunded <= received),
    UNIQUE (partner_id, reference_id)
) STRICT;
CREATE INDEX payment_intents_upstream_payment ON payment_intents (upstream_payment_id) WHERE upstream_payment_id IS NOT NULL;
CREATE INDEX payment_intents_list ON payment_intents (partner_id, id);
CREATE INDEX payment_intents_customer ON payment_intents (customer_id, id) WHERE customer_id IS NOT NULL;
CREATE INDEX payment_intents_poll ON payment_intents (poll_at) WHERE poll_at IS NOT NULL;

CREATE TABLE refunds (
    id                 TEXT    NOT NULL PRIMARY KEY,
    partner_id         TEXT    NOT NULL,
    payment_intent_id  TEXT    NOT NULL REFERENCES payment_intents (id),
    upstream_id        TEXT    UNIQUE,
    state              TEXT    NOT NULL CHECK (state IN ('pending', 'succeeded', 'failed', 'canceled')),
    currency           TEXT    NOT NULL,
    amount             INTEGER NOT NULL CHECK (amount > 0),
    reference_id       TEXT,
    details            BLOB    NOT NULL, -- sealed
    failure            BLOB    NOT NULL, -- sealed
    created_at         INTEGER NOT NULL,
    updated_at         INTEGER NOT NULL,
    UNIQUE (partner_id, reference_id)
) STRICT;
CREATE INDEX refunds_list ON refunds (partner_id, id);
CREATE INDEX refunds_of_payment ON refunds (payment_intent_id, id);

CREATE TABLE events (
    id          TEXT    NOT NULL PRIMARY KEY,
    partner_id  TEXT    NOT NULL,
    type        TEXT    NOT NULL,
    object_id   TEXT    NOT NULL,
    object      BLOB    NOT NULL, -- sealed
    created_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX events_list ON events (partner_id, id);
CREATE INDEX events_of_object ON events (object_id, id);

CREATE TABLE webhooks (
    id              TEXT    NOT NULL PRIMARY KEY,
    body_hash       TEXT    NOT NULL UNIQUE,
    event_id        TEXT    NOT NULL,
    event_type      TEXT    NOT NULL,
    source_address  TEXT    NOT NULL,
    headers         TEXT    NOT NULL,
    body            TEXT    NOT NULL, -- redacted
    state           TEXT    NOT NULL CHECK (state IN ('waiting', 'processed', 'parked', 'dead')),
    attempts        INTEGER NOT NULL,
    next_attempt_at INTEGER,
    lease_until     INTEGER NOT NULL,
    duplicates      INTEGER NOT NULL,
    error           TEXT,
    received_at     INTEGER NOT NULL,
    processed_at    INTEGER
) STRICT;
CREATE INDEX webhooks_due ON webhooks (next_attempt_at) WHERE state = 'waiting';
