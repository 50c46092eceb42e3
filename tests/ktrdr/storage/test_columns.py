from hypothesis import given
from hypothesis import strategies as st

from ktrdr.storage.columns import difference

NAMES = st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=5)


@given(NAMES, NAMES)
def test_lists_differ_exactly_where_they_are_not_the_same_in_order(names, expected):
    assert bool(difference(names, expected)) == (names != expected)


def test_a_name_listed_once_more_is_a_difference():
    assert difference(["a", "b", "a"], ["a", "b"]) == "in another order: column 3 is a and should be nothing"
    assert difference(["a", "b"], ["a", "b", "a"]) == "in another order: column 3 is nothing and should be a"
