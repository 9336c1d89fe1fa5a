"""How long cases take and whether that is in time: pure arithmetic on moments, no database and no clock of its own."""
