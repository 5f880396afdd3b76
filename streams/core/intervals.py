"""Sets of whole numbers as sorted runs: [first, last, first, last, ...], flat and small.

Sequence numbers of a charging come almost in order, so a run or two holds thousands of them.
"""


def add(runs: list[int], number: int) -> list[int]:
    """The runs with `number` in them. The same list object when it was there already."""
    if runs and runs[-1] + 1 == number:  # the usual case: the next one
        return [*runs[:-1], number]
    for index in range(0, len(runs), 2):
        first, last = runs[index], runs[index + 1]
        if first <= number <= last:
            return runs
        if number < first - 1:
            return [*runs[:index], number, number, *runs[index:]]
        if number == first - 1:
            return [*runs[:index], number, *runs[index + 1 :]]
        if number == last + 1:
            return _grown(runs, index, number)
    return [*runs, number, number]


def _grown(runs: list[int], index: int, number: int) -> list[int]:
    after = index + 2
    if after < len(runs) and runs[after] == number + 1:
        return [*runs[: index + 1], *runs[after + 1 :]]
    return [*runs[: index + 1], number, *runs[after:]]


def covers(runs: list[int], first: int, last: int) -> bool:
    """Whether every number from `first` to `last` is in the set; False for an empty range."""
    if last < first:
        return False
    return any(runs[index] <= first and last <= runs[index + 1] for index in range(0, len(runs), 2))
