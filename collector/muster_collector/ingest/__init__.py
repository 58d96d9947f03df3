"""From the broker to the store: receive, validate, account, write, acknowledge."""
