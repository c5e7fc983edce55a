-- The card of a saved payment method as a subject of risk: a keyed hash of its number.

ALTER TABLE payment_methods ADD COLUMN card_subject TEXT;
