"""Holds the routes, a module a resource."""
