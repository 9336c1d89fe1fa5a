"""The same small networks in our engine and in two others, Ciw and salabim, which share no code with ours."""
