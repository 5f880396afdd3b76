"""Boxes: what cells take of all that can be asked, and what is left."""

from hypothesis import given
from hypothesis import strategies as st

from streams.core.strategy_space import joined, meets, without

masks = st.tuples(st.integers(1, 7), st.integers(1, 3), st.integers(1, 7))


def points(boxes):
    return [
        (one, two, three)
        for first, second, third in boxes
        for one in range(3)
        for two in range(2)
        for three in range(3)
        if first >> one & second >> two & third >> three & 1
    ]


@given(st.lists(masks, max_size=3), masks)
def test_what_is_left_is_all_but_what_was_taken(boxes, taken):
    left = points(without(boxes, taken))
    gone = set(points([taken]))
    assert sorted(left) == sorted(point for point in points(boxes) if point not in gone)


@given(masks, masks)
def test_boxes_meet_where_they_share_a_point(one, two):
    assert meets(one, two) == bool(set(points([one])) & set(points([two])))


@given(st.lists(masks, max_size=4))
def test_joined_boxes_are_the_same_points(boxes):
    together = joined(boxes)
    assert set(points(together)) == set(points(boxes))
    assert len(together) <= len(boxes)
