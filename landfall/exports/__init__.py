"""Says what an export is and how it may move; pure: no I/O, no clock, no third party."""
