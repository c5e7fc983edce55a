-- The secret under which values are hashed that are found again by their hashes. It is sealed under the master key; while that is being
-- changed there are two rows, one under each.

CREATE TABLE hash_keys (
    number  BIGINT PRIMARY KEY,
    secret  BYTEA  NOT NULL -- sealed
);
