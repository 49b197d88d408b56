"""What was handed in, whatever its state, and a sound notebook from it: read, roles, code, repair."""
