"""Runs untrusted Python against the user's tests. Standard library only; knows no other part of Darner."""
