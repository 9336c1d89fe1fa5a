"""What a verify looks at: the chain, what rows say, the archives, and the projections row for row."""
