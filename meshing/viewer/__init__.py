"""What interactive pages draw by: surfaces on a canvas, a camera, arrays as text."""
