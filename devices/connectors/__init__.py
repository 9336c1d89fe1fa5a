"""One module a kind of instrument or wire; none may reach the store but through the wires."""
