"""The simulator tried against theory, worked examples and a published model: what `histotwin validate` runs."""
