"""What was counted of candidate and stable, wherever that is: in our own telemetry, or in a Prometheus."""
