"""Pictures of coils, and pictures of what was solved for."""
