"""Node-RED as a receiver to measure ours against: its installation, its flows, its process. No figures in here."""
