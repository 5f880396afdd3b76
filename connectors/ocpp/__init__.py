"""What chargers say, in OCPP's words."""
