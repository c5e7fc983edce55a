-- The operation that an event comes from, and the request of the caller that began it.

ALTER TABLE events ADD COLUMN operation_id TEXT;
ALTER TABLE events ADD COLUMN request_id TEXT NOT NULL DEFAULT '';
