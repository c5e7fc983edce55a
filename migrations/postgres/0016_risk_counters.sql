-- What risk decides by: the attempts of cards, addresses and customers, the outcomes of those, and the decisions themselves. Cards,
-- email and IP addresses are keyed hashes.

CREATE TABLE risk_decisions (
    id                 TEXT    NOT NULL PRIMARY KEY,
    partner_id         TEXT    NOT NULL,
    payment_intent_id  TEXT,
    customer_id        TEXT,
    card               TEXT,
    ip                 TEXT,
    email              TEXT,
    bin                TEXT,
    strict_action      TEXT    CHECK (strict_action IN ('review', 'request_3ds', 'block')), -- NULL: it allows
    created_at         BIGINT  NOT NULL,
    record             BYTEA   NOT NULL -- sealed
);
-- The list of a partner's, the last made first.
CREATE INDEX risk_decisions_list ON risk_decisions (partner_id, created_at, id);
-- The same of one action; most decisions allow, and are in the other list alone.
CREATE INDEX risk_decisions_strict ON risk_decisions (partner_id, strict_action, created_at, id) WHERE strict_action IS NOT NULL;
-- The timeline of a payment, whose few are sorted.
CREATE INDEX risk_decisions_of_payment ON risk_decisions (payment_intent_id) WHERE payment_intent_id IS NOT NULL;

CREATE TABLE risk_subjects (
    id          TEXT    NOT NULL PRIMARY KEY,
    revision    BIGINT  NOT NULL,
    past        TEXT    NOT NULL, -- JSON
    expires_at  BIGINT  NOT NULL -- a whole day; no index, which would cost every attempt more than the daily walk through the table
) WITH (fillfactor = 70);

-- The subjects of an outcome are those of its decision, as far as they count it: of all but declines, the customer alone.
CREATE TABLE risk_outcomes (
    decision_id  TEXT    NOT NULL,
    outcome      TEXT    NOT NULL CHECK (outcome IN ('declined', 'succeeded', 'charged_back')),
    found_at     BIGINT  NOT NULL,
    is_hard      BIGINT  NOT NULL,
    customer_id  TEXT,
    card         TEXT,
    ip           TEXT,
    email        TEXT,
    PRIMARY KEY (decision_id, outcome)
);
-- What came of the attempts before, of each kind of subjects.
CREATE INDEX risk_outcomes_of_card ON risk_outcomes (card, found_at) WHERE card IS NOT NULL;
CREATE INDEX risk_outcomes_of_ip ON risk_outcomes (ip, found_at) WHERE ip IS NOT NULL;
CREATE INDEX risk_outcomes_of_email ON risk_outcomes (email, found_at) WHERE email IS NOT NULL;
CREATE INDEX risk_outcomes_of_customer ON risk_outcomes (customer_id, outcome, found_at) WHERE customer_id IS NOT NULL;

-- Every gateway adds to a shard of its own, so that none waits for another's commit.
CREATE TABLE risk_bin_counters (
    bin         TEXT    NOT NULL,
    resolution  TEXT    NOT NULL CHECK (resolution IN ('5m', '3h')),
    bucket      BIGINT  NOT NULL, -- the number of such times since 1970
    shard       BIGINT  NOT NULL,
    attempts    BIGINT  NOT NULL,
    declines    BIGINT  NOT NULL,
    amount      BIGINT  NOT NULL, -- in the base currency
    expires_at  BIGINT  NOT NULL,
    PRIMARY KEY (bin, resolution, bucket, shard)
) WITH (fillfactor = 70);
-- Pruning.
CREATE INDEX risk_bin_counters_expired ON risk_bin_counters (expires_at);
