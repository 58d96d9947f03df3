"""The service around the engine: reads windows from the store, writes scores to it."""
