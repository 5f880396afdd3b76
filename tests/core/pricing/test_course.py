"""The pieces that a course is made of."""

from streams.core.pricing import NO_FLOW, Amounts, Flow, Segment, charging, parking, reservation


def test_each_piece_has_its_own_kind_of_time():
    assert charging(100, 700, 5) == Segment(100, 700, Amounts(5, 600, 0, 0), NO_FLOW)
    assert parking(100, 700) == Segment(100, 700, Amounts(0, 0, 600, 0), NO_FLOW)
    assert reservation(100, 700) == Segment(100, 700, Amounts(0, 0, 0, 600), NO_FLOW)


def test_a_flow_is_that_of_its_segment():
    flow = Flow(1, 2, 3, 4)
    assert charging(0, 1, 0, flow).flow == flow
