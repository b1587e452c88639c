"""Orders, prices and invoices of a small shop. Money is counted in whole cents."""
