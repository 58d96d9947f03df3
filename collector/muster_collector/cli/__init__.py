"""The `muster` command line, one file a command."""
