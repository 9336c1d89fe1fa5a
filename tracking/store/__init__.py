"""The durable side of tracking: tables, append, projections, rebuild, copies. Adapters; rules live in pure modules."""
