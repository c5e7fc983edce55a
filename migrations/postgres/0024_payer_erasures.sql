-- Payers without a customer are erased by their email address, of which the erasure has the hash that payments are found by. There is at
-- most one at a time.

ALTER TABLE erasures ADD COLUMN term BYTEA;
CREATE UNIQUE INDEX erasures_of_payer ON erasures (partner_id, term) WHERE term IS NOT NULL AND finished_at IS NULL;
