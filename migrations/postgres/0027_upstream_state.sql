-- What a dialect of Corefy's API notes about a payment, for itself alone; it is sealed. A dialect that makes one payment there for each
-- here notes nothing.

ALTER TABLE payment_intents ADD COLUMN upstream_state BYTEA;
