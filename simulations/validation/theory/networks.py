"""Several stations one after another: Jackson's networks, and a line whose stations block one another."""

from collections.abc import Sequence

import numpy as np

from simulations.validation.theory.chains import birth_and_death
from simulations.validation.theory.waiting_lines import MMc


def visit_rates(from_outside: Sequence[float], routing: Sequence[Sequence[float]]) -> list[float]:
    """Return the rate of visits to each station: the solution of the traffic equations v = g + v R.

    `routing[i][j]` is the chance that work done at station i goes on to station j.
    """
    rates = np.linalg.solve(np.eye(len(from_outside)) - np.array(routing).T, np.array(from_outside))
    return [float(rate) for rate in rates]


def jackson_stations(
    from_outside: Sequence[float],
    routing: Sequence[Sequence[float]],
    service_rates: Sequence[float],
    servers: Sequence[int],
) -> list[MMc]:
    """Return the stations of a Jackson network: each behaves as an M/M/c queue of its own (Jackson 1957)."""
    rates = visit_rates(from_outside, routing)
    return [MMc(*station) for station in zip(rates, service_rates, servers, strict=True)]


def saturated_line_throughput(first_rate: float, second_rate: float, places_between: int) -> float:
    """Return what leaves two exponential servers per unit of time, where the first never lacks work.

    The first stays blocked with finished work while the places between are full, so what waits at or is done by the
    second, the blocked piece included, is a birth-and-death chain of `places_between` + 3 states.
    """
    states = places_between + 2
    chances = birth_and_death([first_rate] * states, [second_rate] * states)
    return second_rate * (1 - float(chances[0]))
