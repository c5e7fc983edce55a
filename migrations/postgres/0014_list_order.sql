-- Payment intents and refunds are listed by when they were made, so that one index gives the rows of a list and of a range of times
-- in their order.

DROP INDEX payment_intents_list;
DROP INDEX payment_intents_created;
DROP INDEX payment_intents_state;
DROP INDEX payment_intents_customer;
CREATE INDEX payment_intents_list ON payment_intents (partner_id, created_at, id);
CREATE INDEX payment_intents_state ON payment_intents (partner_id, state, created_at, id);
CREATE INDEX payment_intents_customer ON payment_intents (customer_id, created_at, id) WHERE customer_id IS NOT NULL;

DROP INDEX refunds_list;
DROP INDEX refunds_created;
DROP INDEX refunds_state;
CREATE INDEX refunds_list ON refunds (partner_id, created_at, id);
CREATE INDEX refunds_state ON refunds (partner_id, state, created_at, id);
