"""The language server: speaks the protocol, runs no model and no test in its own process."""
