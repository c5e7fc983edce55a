-- The log of calls to Corefy, and what the timeline of a payment is read by.

CREATE TABLE api_calls (
    id                 TEXT    NOT NULL PRIMARY KEY,
    partner_id         TEXT,
    operation          TEXT    NOT NULL,
    method             TEXT    NOT NULL,
    path               TEXT    NOT NULL,
    upstream_id        TEXT,
    operation_id       TEXT,
    subject_id         TEXT,
    payment_intent_id  TEXT,
    request_id         TEXT    NOT NULL,
    outcome            TEXT    NOT NULL CHECK (outcome IN ('succeeded', 'rejected', 'unclear', 'not_sent')),
    http_status        BIGINT ,
    error_code         TEXT,
    latency            BIGINT  NOT NULL, -- microseconds
    exchange           BYTEA   NOT NULL, -- sealed, and redacted before
    created_at         BIGINT  NOT NULL
);
CREATE INDEX api_calls_list ON api_calls (partner_id, id);
CREATE INDEX api_calls_stats ON api_calls (partner_id, created_at);
CREATE INDEX api_calls_of_payment ON api_calls (payment_intent_id, id) WHERE payment_intent_id IS NOT NULL;
CREATE INDEX api_calls_of_subject ON api_calls (subject_id, id) WHERE subject_id IS NOT NULL;
CREATE INDEX api_calls_of_request ON api_calls (request_id, id);

CREATE INDEX operations_of_payment ON operations (payment_intent_id, id) WHERE payment_intent_id IS NOT NULL;

ALTER TABLE webhooks ADD COLUMN payment_intent_id TEXT; -- known once it was worked off
CREATE INDEX webhooks_of_payment ON webhooks (payment_intent_id, id) WHERE payment_intent_id IS NOT NULL;
