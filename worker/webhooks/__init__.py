"""Tells receivers outside of the ends of exports and batches: announced into an outbox, sent from it until they are taken."""
