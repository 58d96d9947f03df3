"""Everything in one process tree on one machine: broker, collector, a real agent, made-up nodes."""
