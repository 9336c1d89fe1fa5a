"""The model of a lab: as data, as a running simulation, as a forecast. Knows no wire, database or screen."""
