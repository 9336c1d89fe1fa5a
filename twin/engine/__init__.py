"""The kernel of the twin: staffed resources, machines and batches on SimPy's event queue; knows nothing of histology.

Order of things at one and the same microsecond, always:

1. capacity changes (a shift that ends at noon starts nothing at noon; one that begins serves who waits);
2. ends of work (a resource is released, and given to the next in its queue, before the finished item moves on);
3. starts of slotted machines (with whoever waits by then, not with who comes at that very moment);
4. arrivals, batch time-outs, clock times, failures and repairs;
5. batches that hold enough, with all who came by then;

and within each of these, the order in which they were put on the agenda. Nothing depends on memory addresses or hashes.
"""
