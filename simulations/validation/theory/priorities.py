"""Classes served in order of urgency at one station. Rates are per unit of time; the first class is the most urgent."""

from collections.abc import Sequence
from itertools import accumulate, pairwise

from simulations.validation.theory.waiting_lines import MMc


def cobham_waits(arrival_rates: Sequence[float], service_rate: float, servers: int = 1) -> list[float]:
    """Return each class's mean wait in M/M/c with priorities that interrupt nobody (Cobham 1954).

    W_k = C / (c mu (1 - s_{k-1}) (1 - s_k)), where s_k is the load of class k and all above it.
    """
    capacity = servers * service_rate
    waits_at_all = MMc(sum(arrival_rates), service_rate, servers).wait_probability
    loads = [0.0, *(rate / capacity for rate in accumulate(arrival_rates))]
    return [waits_at_all / (capacity * (1 - above) * (1 - own)) for above, own in pairwise(loads)]


def preemptive_sojourns(arrival_rates: Sequence[float], service_rate: float) -> list[float]:
    """Return each class's mean sojourn in M/M/1 where the more urgent interrupts and work is taken up again later.

    The first classes see nothing of those below, so together they are an M/M/1 queue: differences of its mean numbers.
    """
    present = [0.0, *(_present(rate / service_rate) for rate in accumulate(arrival_rates))]
    numbers = [with_own - above for above, with_own in pairwise(present)]
    return [number / rate for number, rate in zip(numbers, arrival_rates, strict=True)]


def _present(load: float) -> float:
    return load / (1 - load)
