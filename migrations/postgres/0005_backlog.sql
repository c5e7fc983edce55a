-- The metrics count the webhooks that were given up; without this index they would read all that were ever worked off.
CREATE INDEX webhooks_given_up ON webhooks (state) WHERE state IN ('parked', 'dead');
