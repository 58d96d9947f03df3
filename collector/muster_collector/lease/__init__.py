"""Who works on a set of partitions: one collector holds the lease, the others stand by."""
