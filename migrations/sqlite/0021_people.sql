-- Saved payment methods are edited and deleted here, where Corefy has no call for it: how Corefy showed the card last, and when the
-- method was deleted.

ALTER TABLE payment_methods ADD COLUMN card_at_corefy BLOB; -- sealed
ALTER TABLE payment_methods ADD COLUMN deleted_at INTEGER;

-- When a person was erased: what is left of a customer names it in the history of payments. Intents have it among their progress.
ALTER TABLE customers ADD COLUMN erased_at INTEGER;
ALTER TABLE refunds ADD COLUMN erased_at INTEGER;
