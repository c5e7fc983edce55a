-- What payers' banks have taken back, each as it became known. Of a payment the sums rise, so that a sum is there once, whoever decides it.

CREATE TABLE chargebacks (
    id                   TEXT    NOT NULL PRIMARY KEY,
    partner_id           TEXT    NOT NULL,
    payment_intent_id    TEXT    NOT NULL REFERENCES payment_intents (id),
    upstream_payment_id  TEXT,
    currency             TEXT    NOT NULL,
    amount               BIGINT  NOT NULL CHECK (amount > 0),
    total                BIGINT  NOT NULL CHECK (total >= amount), -- the sum of the payment with this one
    created_at           BIGINT  NOT NULL
);
CREATE UNIQUE INDEX chargebacks_of_payment ON chargebacks (payment_intent_id, total);
CREATE INDEX chargebacks_list ON chargebacks (partner_id, created_at, id);

-- What was taken back before is one chargeback a payment, under the number of the payment, of the time of its last event.
INSERT INTO chargebacks (id, partner_id, payment_intent_id, upstream_payment_id, currency, amount, total, created_at)
    SELECT 'cb_' || SUBSTR(id, 4), partner_id, id, COALESCE(upstream_payment_id, upstream_id), currency, charged_back, charged_back,
        COALESCE((SELECT MAX(events.created_at) FROM events
            WHERE events.object_id = payment_intents.id AND events.type = 'payment_intent.charged_back'), updated_at)
    FROM payment_intents WHERE charged_back > 0;
