"""The rules of the topic grammar."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.topics import Channel, Topic, WrongTopic, build_topic, lab_filter, parse_topic, topic_of_source

levels = st.text(st.characters(exclude_categories=("C", "Z"), exclude_characters="/+#"), min_size=1, max_size=20)


@given(levels, levels, levels, st.sampled_from(Channel))
def test_what_is_built_is_read_back(network: str, lab: str, device: str, channel: Channel) -> None:
    topic = build_topic(network, lab, device, channel)
    assert parse_topic(str(topic)) == topic
    assert topic_of_source(topic.source, channel) == topic


def test_a_topic_reads_as_the_contract_writes_it() -> None:
    assert str(Topic("bcps", "rl4", "microtome-3", Channel.EVENT)) == "histotwin/bcps/rl4/microtome-3/event"
    assert parse_topic("histotwin/bcps/rl4/microtome-3/raw").source == "/bcps/rl4/microtome-3"
    assert lab_filter("bcps", "rl4", Channel.ACK) == "histotwin/bcps/rl4/+/ack"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("histotwin/bcps/rl4/event", "expected histotwin/network/lab/device/channel"),
        ("lab/bcps/rl4/m/event", "expected histotwin/network/lab/device/channel"),
        ("histotwin/bcps/rl4/m/events", "expected one of event, raw, state, ack, reply"),
        ("histotwin/bcps//m/event", "is not a lab"),
        ("histotwin/bcps/rl4/a\x01b/event", "is not a device"),
    ],
)
def test_a_wrong_topic_is_refused_with_what_is_wrong(text: str, says: str) -> None:
    with pytest.raises(WrongTopic, match=says):
        parse_topic(text)


@pytest.mark.parametrize("source", ["bcps/rl4/m", "/bcps/rl4", "/bcps/rl4/m/x", "/bcps/rl+4/m"])
def test_a_wrong_source_has_no_topic(source: str) -> None:
    with pytest.raises(WrongTopic):
        topic_of_source(source, Channel.EVENT)
