-- The order of events: positions are given out by one hand, after the order in which transactions were committed, so that
-- a reader who has seen a position has seen all before it. NULL: not given out yet, and not shown.

CREATE TABLE event_sequence (
    id    BIGINT  NOT NULL PRIMARY KEY CHECK (id = 1),
    last  BIGINT  NOT NULL
);

ALTER TABLE events ADD COLUMN position BIGINT;
UPDATE events SET position = (SELECT COUNT(*) FROM events AS earlier WHERE earlier.id <= events.id);
INSERT INTO event_sequence (id, last) SELECT 1, COALESCE(MAX(position), 0) FROM events;

CREATE UNIQUE INDEX events_position ON events (position);
CREATE INDEX events_unordered ON events (id) WHERE position IS NULL;
DROP INDEX events_list;
CREATE INDEX events_list ON events (partner_id, position);
