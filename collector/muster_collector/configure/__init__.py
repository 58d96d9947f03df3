"""What the centre wants of nodes: sent to the broker, retained there, and answered by the nodes."""
