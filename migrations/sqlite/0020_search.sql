-- What objects are found by that is sealed in their rows: email addresses, cards, metadata. A term is a keyed hash of the partner,
-- the kind of object and the value, so that a copied database tells nobody which objects have a value in common across partners.

CREATE TABLE search_terms (
    term        BLOB    NOT NULL, -- 16 bytes
    created_at  INTEGER NOT NULL, -- of the object
    id          TEXT    NOT NULL,
    PRIMARY KEY (term, created_at, id)
) STRICT, WITHOUT ROWID;
