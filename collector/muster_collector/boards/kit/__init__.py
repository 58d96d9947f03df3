"""What boards are made of: panels, queries, colours, words in two languages, variables."""
