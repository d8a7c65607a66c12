"""The interactive page: coils that can be moved, and the field of where they are."""
