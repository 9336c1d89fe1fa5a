"""Shifts, pauses and public holidays in the lab's zone, over the changes of the clock."""

from datetime import UTC, date, datetime
from itertools import islice, pairwise

from tests.twin.micro import FLAT, always, lab
from twin.calendars import Timetable, from_us, to_us
from twin.distributions import HOUR
from twin.lab import DAYS, Profile


def london(**staff: object) -> Timetable:
    group = {"shifts": [{"from": "09:00", "to": "17:00", "people": 2}], **staff}
    return Timetable(lab(timezone="Europe/London", staff={"hands": group}))


def moment(*parts: int) -> int:
    return to_us(datetime(*parts, tzinfo=UTC))  # type: ignore[misc, arg-type]


def changes(timetable: Timetable, after: int, count: int) -> list[tuple[str, int]]:
    found = islice(timetable.capacity_changes("hands", after), count)
    return [(f"{from_us(at):%d %H:%M}", people) for at, people in found]


def test_a_shift_keeps_its_local_hours_over_the_end_of_summer_time() -> None:
    assert changes(london(), moment(2026, 10, 23), 4) == [
        ("23 08:00", 2), ("23 16:00", 0), ("26 09:00", 2), ("26 17:00", 0),
    ]  # fmt: skip


def test_nobody_comes_on_a_bank_holiday() -> None:
    assert changes(london(), moment(2026, 8, 28, 12), 3) == [("28 16:00", 0), ("01 08:00", 2), ("01 16:00", 0)]


def test_a_shift_may_be_worked_on_holidays() -> None:
    shifts = [{"from": "09:00", "to": "17:00", "people": 1, "holidays": True}]
    assert london(shifts=shifts).capacity("hands", moment(2026, 12, 25, 12)) == 1


def test_a_pause_takes_people_away() -> None:
    timetable = london(pauses=[{"from": "12:00", "to": "13:00", "people": 1}])
    assert changes(timetable, moment(2026, 11, 23), 4) == [
        ("23 09:00", 2), ("23 12:00", 1), ("23 13:00", 2), ("23 17:00", 0),
    ]  # fmt: skip


def test_a_night_shift_runs_past_midnight() -> None:
    timetable = london(shifts=[{"days": ["fri"], "from": "22:00", "to": "06:00", "people": 1}])
    assert changes(timetable, moment(2026, 11, 23), 2) == [("27 22:00", 1), ("28 06:00", 0)]


def test_the_night_of_the_clock_change_is_an_hour_longer() -> None:
    timetable = london(shifts=[{"days": ["sat"], "from": "22:00", "to": "06:00", "people": 1}])
    (start, _), (end, _) = islice(timetable.capacity_changes("hands", moment(2026, 10, 24)), 2)
    assert end - start == 9 * HOUR


def test_the_capacity_at_a_moment_is_what_the_changes_say() -> None:
    timetable = london(pauses=[{"from": "12:00", "to": "13:00"}])
    start = moment(2026, 3, 27)
    for (at, people), (later, _) in pairwise(islice(timetable.capacity_changes("hands", start), 40)):
        assert timetable.capacity("hands", at) == people
        assert timetable.capacity("hands", (at + later) // 2) == people


def test_clock_times_pass_over_weekends_and_holidays() -> None:
    strikes = london().clock_times((17 * 60,), DAYS[:5], moment(2026, 12, 24, 12))
    assert [f"{from_us(at):%d %H}" for at in islice(strikes, 3)] == ["24 17", "29 17", "30 17"]


def test_midnight_at_the_end_of_a_day_is_the_next_day() -> None:
    assert london().at(date(2026, 12, 31), 24 * 60) == moment(2027, 1, 1)


def test_people_at_all_hours_need_no_shifts() -> None:
    timetable = Timetable(lab(staff={"hands": always(2)}))
    assert timetable.capacity("hands", moment(2026, 12, 25, 3)) == 2
    assert changes(timetable, moment(2026, 12, 25), 1) == []


def test_a_lab_that_keeps_no_holidays_has_none() -> None:
    shifts = {"hands": {"shifts": [{"from": "09:00", "to": "17:00", "people": 1}]}}
    assert Timetable(lab(holidays="none", staff=shifts)).capacity("hands", moment(2026, 12, 25, 12)) == 1


def test_a_run_begins_at_local_midnight() -> None:
    assert Timetable(lab(timezone="Europe/London", run={"start": "2026-06-01"})).start_us == moment(2026, 5, 31, 23)


def test_a_public_holiday_has_a_sunday_s_cases() -> None:
    week = {day: [0.0] * 24 if day == "sun" else [1.0] * 24 for day in DAYS}
    timetable = Timetable(lab(timezone="Europe/London"))
    shares = timetable.hourly_shares(Profile.model_validate(week), moment(2026, 12, 21))
    assert sum(shares[4 * 24 : 5 * 24]) == 0  # Friday, Christmas Day
    assert sum(shares[:24]) > 0


def test_a_flat_profile_is_flat() -> None:
    shares = Timetable(lab()).hourly_shares(Profile.model_validate(FLAT), moment(2026, 9, 7))
    assert len(shares) == 7 * 24
    assert max(shares) - min(shares) < 1e-12
