"""Tells the traces of exports by OpenTelemetry, where that is installed and switched on."""
