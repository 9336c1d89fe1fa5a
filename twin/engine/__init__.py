"""The kernel of the twin: staffed resources, machines and batches on SimPy's event queue; knows nothing of histology.

Order of things at one and the same microsecond, always:

1. capacity changes (a shift that ends at noon starts nothing at noon; one that begins serves who waits);
2. ends of work (a resource is released, and given to the next in its queue, before the finished item moves on);
3. arrivals, batch time-outs, clock times, failures and repairs;

and within each of these, the order in which they were put on the agenda. Nothing depends on memory addresses or hashes.
"""
