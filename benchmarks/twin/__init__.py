"""What `bench_twin` measures, one module a job; each runs alone in a process of its own and prints JSON."""
