"""Made-up nodes that speak the wire contract, for demonstrations, boards and load."""
