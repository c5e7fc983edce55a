-- The budget of calls to Corefy, which all gateways on the database share.

CREATE TABLE budgets (
    purse        TEXT    NOT NULL PRIMARY KEY,
    taken_until  BIGINT  NOT NULL -- microseconds since 1970, by the database's clock
);
INSERT INTO budgets (purse, taken_until) VALUES ('common', 0), ('lookups', 0);

CREATE TABLE budget_gateways (
    purse      TEXT    NOT NULL,
    gateway    TEXT    NOT NULL,
    waiting    BIGINT  NOT NULL, -- calls that wait there after it was lent some
    served_at  BIGINT  NOT NULL,
    asked_at   BIGINT  NOT NULL,
    PRIMARY KEY (purse, gateway)
);
