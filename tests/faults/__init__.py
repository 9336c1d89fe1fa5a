"""The fault harness: real parts, broken on purpose, and a judge who counts what is left."""
