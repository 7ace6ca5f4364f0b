"""Runs the steps of exports."""
