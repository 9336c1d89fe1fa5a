"""What people see and call: pages, HTTP API, sign-in, and the running of the product itself."""
