"""The wires to the instruments: topics, brokers, outbox, connectors, ingest. Knows nothing of labs as models."""
