-- Lists are filtered by states, and by when an object was made or last changed.

CREATE INDEX payment_intents_state ON payment_intents (partner_id, state, id);
CREATE INDEX payment_intents_created ON payment_intents (partner_id, created_at);
CREATE INDEX payment_intents_updated ON payment_intents (partner_id, updated_at);
CREATE INDEX refunds_state ON refunds (partner_id, state, id);
CREATE INDEX refunds_created ON refunds (partner_id, created_at);
CREATE INDEX refunds_updated ON refunds (partner_id, updated_at);
