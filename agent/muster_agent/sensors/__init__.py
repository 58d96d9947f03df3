"""What the agent can measure, one file a sensor."""
