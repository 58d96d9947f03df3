"""The version of the agent; importlib.metadata would tell it for 6 MB."""

VERSION = "0.1.0"
