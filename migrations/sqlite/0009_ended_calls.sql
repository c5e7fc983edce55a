-- Whether the call that reserved an operation has itself said what came of sending. When it has not, and another ended the
-- operation, the call may still be under way: no second attempt may begin for a while.

ALTER TABLE operations ADD COLUMN call_ended INTEGER NOT NULL DEFAULT 0;
