"""Opens cases and routes them to agencies."""
