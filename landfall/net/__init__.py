"""Speaks HTTP to hosts outside: one pool, one TLS context, and no surprises."""
