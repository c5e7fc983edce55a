-- Readers compare two copies of an object by its revision, which grows with each change that they are shown. The version of an
-- intent's row grows with each write. And an intent knows whether it was made in Corefy's sandbox.

ALTER TABLE payment_intents RENAME COLUMN revision TO row_version;
ALTER TABLE payment_intents ADD COLUMN revision INTEGER NOT NULL DEFAULT 1;
ALTER TABLE payment_intents ADD COLUMN sandbox INTEGER NOT NULL DEFAULT 0;
ALTER TABLE refunds ADD COLUMN revision INTEGER NOT NULL DEFAULT 1;
ALTER TABLE customers ADD COLUMN revision INTEGER NOT NULL DEFAULT 1;
ALTER TABLE payment_methods ADD COLUMN revision INTEGER NOT NULL DEFAULT 1;
