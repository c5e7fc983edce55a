-- Customers are listed in the order of their creation, as everything else is.

DROP INDEX customers_list;
CREATE INDEX customers_list ON customers (partner_id, created_at, id);

-- References are compared by their bytes, whatever the database's language, so that those with one beginning lie together in the
-- index that keeps them unique.
ALTER TABLE payment_intents ALTER COLUMN reference_id TYPE TEXT COLLATE "C";
ALTER TABLE refunds ALTER COLUMN reference_id TYPE TEXT COLLATE "C";
ALTER TABLE customers ALTER COLUMN reference_id TYPE TEXT COLLATE "C";
