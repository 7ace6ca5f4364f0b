"""Speaks to vendors: one folder a vendor, in the words of landfall.exports."""
