"""Pictures of a head and of what is on it; imported only when one is drawn."""
