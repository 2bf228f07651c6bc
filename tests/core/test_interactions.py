"""User-item matrices: explicit zeros stay, pairs are unique, and what is saved comes back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic import from_triples, on_days

from foldin.core import interactions, paths
from foldin.core.errors import FoldinError
from foldin.core.interactions import Scale, TrainingData, matrix, union

FROM_ZERO = Scale(lowest=0.0, highest=10.0, step=1.0)


def small(users, items, ratings):
    return from_triples(users, items, ratings, (3, 4), FROM_ZERO)


@settings(derandomize=True, deadline=None)
@given(st.dictionaries(st.tuples(st.integers(0, 5), st.integers(0, 6)), st.integers(0, 10), min_size=1), st.randoms())
def test_every_rating_comes_back_zeros_included_whatever_the_order(cells, random):
    shuffled = list(cells.items())
    random.shuffle(shuffled)
    pairs, ratings = zip(*shuffled, strict=True)
    users, items = np.array(pairs, np.int32).T
    made = from_triples(users, items, ratings, (6, 7), FROM_ZERO)
    back = zip(*(values.tolist() for values in made.triples()), strict=True)
    assert [((user, item), rating) for user, item, rating in back] == sorted(cells.items())
    assert made.ratings.nnz == len(cells)


def test_a_pair_that_occurs_twice_is_refused_by_name():
    with pytest.raises(FoldinError, match=r"the pair \(user, item\) = \(1, 2\) occurs twice; clean duplicates first"):
        matrix(np.array([1, 0, 1]), np.array([2, 0, 2]), np.array([1.0, 2.0, 3.0]), (3, 4))


def test_indices_are_32_bits_and_sorted():
    made = matrix(np.array([1, 0, 1]), np.array([3, 0, 2]), np.array([1.0, 2.0, 3.0]), (3, 4))
    assert made.indices.dtype == made.indptr.dtype == np.int32
    assert made.data.dtype == np.float32
    assert made.indices.tolist() == [0, 2, 3]


def test_a_union_keeps_the_ratings_of_both_parts():
    both = union(small([0, 2], [1, 3], [0, 7]), small([0, 1], [0, 2], [4, 0]))
    triples = [values.tolist() for values in both.triples()]
    assert triples == [[0, 0, 1, 2], [0, 1, 2, 3], [4, 0, 0, 7]]


def test_parts_that_overlap_have_no_union():
    part = small([0], [1], [5])
    with pytest.raises(FoldinError, match="occurs twice"):
        union(part, part)


def test_the_training_part_comes_back_as_it_was_saved(workspace):
    train, validation = small([0, 1], [0, 2], [0, 9]), small([2], [3], [0])
    folder = paths.user_item("mine")
    folder.mkdir(parents=True)
    interactions.save(folder, TrainingData(train, validation))
    loaded = interactions.load("mine")
    for part, was in ((loaded.train, train), (loaded.validation, validation)):
        assert [values.tolist() for values in part.triples()] == [values.tolist() for values in was.triples()]
        assert part.users.equals(was.users)
        assert part.items["title"].tolist() == was.items["title"].tolist()
        assert part.scale == FROM_ZERO
    assert loaded.training.ratings.nnz == 3


def test_days_come_back_for_each_rating_zeros_included(workspace):
    train, validation = small([0, 1], [0, 2], [0, 9]), small([2, 0], [3, 2], [0, 4])
    asked = [0, 0, 1, 2], [0, 2, 2, 3], [18_000, 0, 5, -1]
    parts = [on_days(part, *asked) for part in (train, validation)]
    folder = paths.user_item("mine")
    folder.mkdir(parents=True)
    interactions.save(folder, TrainingData(*parts))
    loaded = interactions.load("mine")
    assert loaded.train.days_of_ratings().tolist() == [18_000, 5]
    assert loaded.validation.days_of_ratings().tolist() == [0, -1]
    assert loaded.training.days_of_ratings().tolist() == [18_000, 0, 5, -1]
    assert loaded.train.with_ratings(loaded.train.ratings[:, :2]).days is None
    interactions.save(folder, TrainingData(train, on_days(train, *asked)))
    with pytest.raises(FoldinError, match=r"the training part is not whole.*4 days of 2 ratings.*user_item@mine"):
        interactions.load("mine").train.days_of_ratings()


def test_without_times_there_is_no_file_of_days(workspace):
    folder = paths.user_item("mine")
    folder.mkdir(parents=True)
    interactions.save(folder, TrainingData(small([0, 1], [0, 2], [0, 9]), small([2], [3], [0])))
    assert not (folder / interactions.DAYS).exists()
    assert interactions.load("mine").train.days_of_ratings() is None


def test_a_data_set_without_matrices_says_how_to_make_them(workspace):
    with pytest.raises(FoldinError, match=r"'mine' has no user-item matrices yet.*dvc repro user_item@mine"):
        interactions.load("mine")


@pytest.mark.parametrize(
    ("scale", "share", "liked"),
    [
        (Scale(0.5, 5.0, 0.5), 0.75, 4.0),
        (Scale(1.0, 5.0, 1.0), 0.75, 4.0),
        (Scale(1.0, 10.0, 1.0), 0.75, 8.0),
        (Scale(-10.0, 10.0, 0.0), 0.75, 5.0),
        (Scale(0.0, 1.0, 0.1), 0.3, 0.3),
        (Scale(0.0, 1.0, 0.1), 0.31, 0.4),
    ],
)
def test_liked_begins_at_the_first_rating_that_far_up_the_scale(scale, share, liked):
    assert scale.liked_from(share) == pytest.approx(liked)


def test_a_scale_comes_back_with_its_feedback(tmp_path):
    for scale in (FROM_ZERO, interactions.IMPLICIT):
        interactions.write_scale(tmp_path, scale)
        assert interactions.read_scale(tmp_path) == scale
