-- The rows of changes are checked by a temporary trigger, which each connection that writes brings with it; PostgreSQL has a
-- function for it.
SELECT 1;
