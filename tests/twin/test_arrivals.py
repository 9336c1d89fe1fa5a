"""Cases come when their profile says, by the clock on the lab's wall."""

from itertools import takewhile
from zoneinfo import ZoneInfo

import numpy as np

from tests.twin.micro import MONDAY_US, lab
from twin.arrivals import moments
from twin.calendars import Timetable, from_us
from twin.distributions import DAY
from twin.lab import DAYS, Stream

LONDON = ZoneInfo("Europe/London")
NEVER = dict.fromkeys(DAYS, [0.0] * 24)
TUESDAY_AT_NINE = {**NEVER, "tue": [float(hour == 9) for hour in range(24)]}


def test_every_case_comes_in_an_hour_that_the_profile_names_summer_or_winter() -> None:
    """From 7 September to the end of November: the clocks go back in between."""
    stream = Stream.model_validate({"cases_per_week": 50, "profile": TUESDAY_AT_NINE})
    timetable = Timetable(lab(timezone="Europe/London"))
    coming = moments(stream, np.random.default_rng(1), timetable, MONDAY_US)
    seen = [from_us(at).astimezone(LONDON) for at in takewhile(lambda at: at < MONDAY_US + 12 * 7 * DAY, coming)]
    assert {(moment.strftime("%a"), moment.hour) for moment in seen} == {("Tue", 9)}
    assert len({moment.date() for moment in seen}) == 12
