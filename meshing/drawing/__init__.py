"""The drawing kit: pictures in NumPy and matplotlib; imported only when one is drawn."""
