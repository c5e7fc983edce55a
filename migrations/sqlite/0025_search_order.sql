-- Customers are listed in the order of their creation, as everything else is.

DROP INDEX customers_list;
CREATE INDEX customers_list ON customers (partner_id, created_at, id);
