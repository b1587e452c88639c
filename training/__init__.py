"""Offline pipelines that make and improve the weights; may use engine and sandbox, never lsp."""
