-- What decides about the risk of payments: versions of the rules, which are only ever added, and lists. The policy's revision grows
-- with each change of either, and each gateway looks for a greater one. Beside that the reviews that decisions ask for, and who
-- changed what, and why.

CREATE TABLE risk_policy (
    id            BIGINT  NOT NULL PRIMARY KEY,
    revision      BIGINT  NOT NULL
);
INSERT INTO risk_policy (id, revision) VALUES (1, 0);

CREATE TABLE risk_rule_sets (
    version       BIGINT  NOT NULL PRIMARY KEY,
    name          TEXT    NOT NULL,
    source        TEXT    NOT NULL,
    applied_at    BIGINT  NOT NULL,
    applied_by    TEXT    NOT NULL,
    reason        TEXT    NOT NULL
);

CREATE TABLE risk_lists (
    name          TEXT    NOT NULL PRIMARY KEY,
    kind          TEXT    NOT NULL,
    created_at    BIGINT  NOT NULL
);

CREATE TABLE risk_list_entries (
    list          TEXT    NOT NULL,
    value         TEXT    NOT NULL,
    expires_at    BIGINT,
    reason        TEXT    NOT NULL,
    added_by      TEXT    NOT NULL,
    added_at      BIGINT  NOT NULL,
    PRIMARY KEY (list, value)
);
CREATE INDEX risk_list_entries_expiry ON risk_list_entries (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE risk_reviews (
    id                 TEXT    NOT NULL PRIMARY KEY,
    partner_id         TEXT    NOT NULL,
    payment_intent_id  TEXT,
    state              TEXT    NOT NULL CHECK (state IN ('open', 'approved', 'rejected')),
    created_at         BIGINT  NOT NULL,
    decided_at         BIGINT,
    decided_by         TEXT    NOT NULL,
    note               TEXT    NOT NULL,
    refund             TEXT    NOT NULL CHECK (refund IN ('none', 'wanted', 'created', 'refused')),
    refund_id          TEXT
);
CREATE INDEX risk_reviews_list ON risk_reviews (partner_id, state, created_at, id);
CREATE INDEX risk_reviews_refund ON risk_reviews (id) WHERE refund = 'wanted';

CREATE TABLE risk_changes (
    id            TEXT    NOT NULL PRIMARY KEY,
    made_at       BIGINT  NOT NULL,
    made_by       TEXT    NOT NULL,
    action        TEXT    NOT NULL,
    object        TEXT    NOT NULL,
    reason        TEXT    NOT NULL
);
