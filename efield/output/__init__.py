"""What is written of a field: tables, and the forms that other programs read."""
