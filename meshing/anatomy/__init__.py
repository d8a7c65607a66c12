"""From a T1 to a head: labels made or cleaned, the way to MNI space, the folder."""
