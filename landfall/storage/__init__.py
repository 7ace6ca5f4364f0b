"""Publishes artifacts and reads them back; every publication is whole and happens once."""
