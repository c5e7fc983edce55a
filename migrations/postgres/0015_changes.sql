-- Ends a statement that did not write all of its rows, and with it all that went with it. The message ends with the rank of
-- the statement, by which the gateway knows the conflict.

DROP FUNCTION require_rows(BIGINT, BIGINT);
CREATE FUNCTION require_rows(written BIGINT, required BIGINT, rank INT) RETURNS BIGINT LANGUAGE plpgsql AS $$
BEGIN
    IF written <> required THEN
        RAISE EXCEPTION 'a change was made meanwhile; the gateway decides again, and nothing is lost: statement %', rank
            USING ERRCODE = 'GW001';
    END IF;
    RETURN written;
END
$$;
