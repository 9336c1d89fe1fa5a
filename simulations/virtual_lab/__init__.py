"""Laboratories that do not exist, working over the real wires: everything they send is synthetic."""
