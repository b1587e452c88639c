"""Where parcels are, from carriers that are slow and sometimes fail."""
