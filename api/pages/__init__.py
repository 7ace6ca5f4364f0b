"""Serves the operations pages: what people look at in a browser."""
