"""Derived once, and no more."""

from streams.core.once import once


class Circle:
    def __init__(self, radius):
        self.radius = radius
        self.asked = 0

    @once
    def area(self):
        """Three times the square."""
        self.asked += 1
        return 3 * self.radius**2


def test_it_is_derived_at_the_first_question_and_kept():
    one, other = Circle(1), Circle(2)
    assert (one.area, one.area, other.area) == (3, 3, 12)
    assert (one.asked, other.asked) == (1, 1)
    assert Circle.__dict__["area"].__doc__ == "Three times the square."
