"""What happened to every piece of tissue, and who must be told."""
