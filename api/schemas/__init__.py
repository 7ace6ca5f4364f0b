"""Defines what the API reads and writes, a module a resource: the public contract, explained in the OpenAPI page."""
