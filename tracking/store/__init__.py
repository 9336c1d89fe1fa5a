"""The durable side of tracking: tables, append, projections, rebuild, copies. Adapters only; rules live in pure modules."""
