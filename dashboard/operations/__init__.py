"""Running the product on a machine: settings, and the processes that it consists of."""
