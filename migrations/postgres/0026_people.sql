-- Why a person is erased, for the audit log: operators say it.

ALTER TABLE erasures ADD COLUMN reason TEXT NOT NULL DEFAULT '';

-- Payments are emptied of their payers when the time of those is over, by walks through payments and refunds in the order of ids: the
-- last row that each has come by, and until when a gateway is at it.
CREATE TABLE payer_data_walks (
    walk           TEXT    NOT NULL PRIMARY KEY CHECK (walk IN ('payment_intents', 'refunds')),
    passed         TEXT    NOT NULL,
    claimed_until  BIGINT  NOT NULL
);
INSERT INTO payer_data_walks (walk, passed, claimed_until) VALUES ('payment_intents', '', 0), ('refunds', '', 0);

-- Payments that the walks have passed and could not empty yet, for they were under way or money has moved since, and when they are
-- looked at again.
CREATE TABLE payer_data_later (
    payment_intent_id  TEXT    NOT NULL PRIMARY KEY REFERENCES payment_intents (id),
    look_at            BIGINT  NOT NULL
);
CREATE INDEX payer_data_later_due ON payer_data_later (look_at);

-- The notes of reviews, which an erasure empties, are found by their payment. Few payments are reviewed.
CREATE INDEX risk_reviews_of_payment ON risk_reviews (payment_intent_id, id) WHERE payment_intent_id IS NOT NULL;
