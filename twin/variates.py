"""Named random streams: one generator for each (seed, lab, step, purpose), handed out one by one from blocks.

Knows no lab and no clock. Two scenarios that share a seed share their luck, stream by stream.
"""

from collections.abc import Callable, Iterator
from hashlib import blake2b
from itertools import chain
from typing import TypeVar

import numpy as np

T = TypeVar("T", int, float)

FIRST_BLOCK = 64
LARGEST_BLOCK = 1024


def stable_hash(text: str) -> int:
    """Return a 64-bit number that is the same for a text on every machine and in every run."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


class Streams:
    """All random streams of one lab in one replication."""

    def __init__(self, seed: int, lab: str, replication: int = 0) -> None:
        self.seed = seed
        self.lab = lab
        self.replication = replication

    def generator(self, step: str, purpose: str) -> np.random.Generator:
        """Return a fresh generator for a step and purpose, always the same for the same names."""
        entropy = [self.seed, stable_hash(self.lab), stable_hash(step), stable_hash(purpose), self.replication]
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence(entropy)))


def draws(rng: np.random.Generator, fill: Callable[[np.random.Generator, int], list[T]]) -> Callable[[], T]:
    """Return a function that hands out the numbers of one stream, in order.

    They are drawn ahead in blocks that double from 64 to 1024 whatever is asked of them, so the numbers are a fixed
    function of the stream: `fill(rng, 64) + fill(rng, 128) + …`.
    """
    return chain.from_iterable(_blocks(rng, fill)).__next__


def _blocks(rng: np.random.Generator, fill: Callable[[np.random.Generator, int], list[T]]) -> Iterator[list[T]]:
    size = FIRST_BLOCK
    while True:
        yield fill(rng, size)
        size = min(size * 2, LARGEST_BLOCK)
