-- Each change of a payment intent counts, so that what was drafted without a lock is written only if nothing has changed
-- since. And events get their positions in the transaction that tells them: those without one are of older programs.

ALTER TABLE payment_intents ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;

UPDATE events SET position = placed.place + (SELECT last FROM event_sequence WHERE id = 1)
FROM (SELECT id, ROW_NUMBER() OVER (ORDER BY id) AS place FROM events WHERE position IS NULL) AS placed
WHERE events.id = placed.id;
UPDATE event_sequence SET last = MAX(last, COALESCE((SELECT MAX(position) FROM events), 0)) WHERE id = 1;
DROP INDEX events_unordered;

-- What is open is found by its object; what is about a payment has an index already, open or not.
DROP INDEX operations_open;
DROP INDEX operations_subject;
CREATE INDEX operations_open ON operations (subject_id) WHERE state IN ('sent', 'in_doubt', 'needs_operator');
