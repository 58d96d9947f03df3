"""The exceptions of the collector: one small tree, each message says what, where, and the mend."""


class MusterError(Exception):
    """Anything Muster itself raises for people to read; the command line prints it as one line."""


class ConfigError(MusterError):
    """Wrong usage or configuration: names the file, the key, the value and what would be right."""


class LeaseError(MusterError):
    """The lease of this collector's partitions is not, or no longer, its own: begin again."""


class StoreError(MusterError):
    """The store refused or did not answer; the batch is kept and tried again.

    `wait` is how many seconds the store asks to be left alone, if it does.
    """

    wait = 0.0


class StoreLockedError(StoreError):
    """Another process owns the embedded store."""


class UnknownNodeError(MusterError):
    """There is no such node."""


class AliveError(MusterError):
    """The node still reports."""
