"""Who serves whom, who may wait and who is interrupted, in labs small enough to be worked out by hand."""
