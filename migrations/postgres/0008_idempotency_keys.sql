-- Of an idempotency key only its keyed hash is kept from now on. The keys that were kept in the clear are forgotten: SQL
-- cannot compute the hash, which needs the master key. A call that was made under one before this migration and is repeated
-- after it counts as another call; no release has written such keys.
UPDATE operations SET idempotency_key = NULL WHERE idempotency_key IS NOT NULL;
