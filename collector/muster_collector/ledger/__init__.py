"""What is settled and what is missing, for every node and epoch; kept in one SQLite file."""
