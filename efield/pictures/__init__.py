"""Pictures of coils and fields; imported only when one is drawn."""
