"""Sedna's filters against values worked out by hand from its formulas."""

import math
import random

import numpy as np
import pytest

from sedna_bridge.errors import HardExampleError
from sedna_bridge.hard_examples import (
    CloudOnlyFilter,
    CrossEntropyFilter,
    EdgeOnlyFilter,
    IBTFilter,
    RandomFilter,
    ThresholdFilter,
)


def boxes(*scores):
    return [[0, 0, 10, 10, score, 1] for score in scores]


@pytest.mark.parametrize(
    "scores, img, box, hard",
    [
        ([0.4, 0.9], "0.5", "0.5", True),  # 1/2 >= 0.5
        ([0.4, 0.9, 0.9], "0.5", "0.5", False),  # 1/3 < 0.5
        ([0.5], "0.5", "0.5", True),  # <= : the threshold itself is doubtful
        ([0.9], "0.9", "0.9", True),
        ([0.95], "0.9", "0.9", False),  # 0 < 0.1
        ([0.1] + [0.99] * 9, "0.9", "0.9", True),  # 0.1 >= 1 - 0.9 = 0.09999999999999998
        ([0.1] + [0.99] * 4, "0.8", "0.5", True),  # 0.2 >= 1 - 0.8 = 0.19999999999999996
        ([0.1] * 3 + [0.99] * 7, "0.7", "0.5", False),  # 0.3 < 1 - 0.7 = 0.30000000000000004
        ([0.99], "1", "0.5", True),  # 0 >= 0: always hard
        ([0.1], "0", "0.5", True),  # 1 >= 1
        ([0.1, 0.6], "0", "0.5", False),
        ([0.1, 1.5], "0.5", "0.5", False),  # a score outside 0..1 spoils the frame
        ([0.1, -0.1], "0.9", "0.5", False),
        ([0.1, math.nan], "0.9", "0.5", False),
        ([], "0.9", "0.9", False),
    ],
)
def test_ibt(scores, img, box, hard):
    assert IBTFilter(threshold_img=img, threshold_box=box)(boxes(*scores)) is hard


@pytest.mark.parametrize(
    "scores, threshold, hard",
    [
        ([0.4, 0.5], "0.5", True),  # 0.45
        ([0.5, 0.5], "0.5", False),  # not below
        ([0.1, 0.2, 0.3], "0.2", False),  # (0.1 + 0.2 + 0.3) / 3 = 0.20000000000000004
        ([3.0, -3.0], "0.5", True),  # scores are not checked
        ([math.nan], "0.5", False),
        ([], "0.9", False),
    ],
)
def test_threshold(scores, threshold, hard):
    assert ThresholdFilter(threshold=threshold)(boxes(*scores)) is hard


@pytest.mark.parametrize(
    "chances, threshold, hard",
    [
        ([0.5, 0.5], "0.1", True),  # certainty 1 + ln(1/2) / ln 2 = 0
        ([0.9, 0.1], "0.5", False),  # 1 - 0.325083 / 0.693147 = 0.531004
        ([0.9, 0.1], "0.54", True),
        ([0.7, 0.2, 0.1], "0.28", True),  # 1 - 0.801819 / 1.098612 = 0.270154
        ([0.7, 0.2, 0.1], "0.27", False),
        ([1.0, 1.0], "0.999", False),  # certainty 1
        ([0.5, 1.2], "0.9", False),  # outside 0..1
        ([], "0.9", False),
    ],
)
def test_cross_entropy(chances, threshold, hard):
    assert CrossEntropyFilter(threshold_cross_entropy=threshold)(chances) is hard


def test_defaults_are_sednas():
    assert (IBTFilter().threshold_img, IBTFilter().threshold_box) == (0.5, 0.5)
    assert ThresholdFilter().threshold == 0.5
    assert CrossEntropyFilter().threshold_cross_entropy == 0.5
    assert RandomFilter().random_ratio == 0.3


def test_random_draws_once_from_the_process_generator():
    random.seed(7)
    expected = [random.uniform(0, 1) < 0.4 for _ in range(50)]
    random.seed(7)
    judge = RandomFilter(random_ratio="0.4")
    assert [judge(boxes(0.9)) for _ in range(50)] == expected


def test_cloud_only_and_edge_only():
    assert CloudOnlyFilter()(None) is True
    assert EdgeOnlyFilter()(boxes(0.1)) is False


@pytest.mark.parametrize("kind", [IBTFilter, ThresholdFilter, CrossEntropyFilter])
@pytest.mark.parametrize(
    "result",
    [
        None,
        [],
        (),
        np.empty((0, 6)),
        "boxes",
        5,
        {"a": 1},
        [[1, 2, 3]],
        [None],
        [[0, 0, 1, 1, None, 0]],
        [[0, 0, 1, 1, "x"]],
        np.zeros((2, 3)),
        pytest.param(object(), id="object"),
    ],
    ids=str,
)
def test_what_cannot_be_read_is_easy(kind, result):
    assert kind()(result) is False


def test_where_sednas_lib_crashes():
    assert IBTFilter(0.9, 0.9)(np.array(boxes(0.4, 0.95))) is True
    assert ThresholdFilter(0.5)(np.array(boxes(0.4), dtype=np.float32)) is True
    assert CrossEntropyFilter(0.5)([0.0, 1.0]) is False  # 0 ln 0 counts as 0: certainty 1
    assert CrossEntropyFilter(0.9)([0.0, 0.5, 0.5]) is True  # 1 - ln 2 / ln 3 = 0.369
    assert CrossEntropyFilter(0.9)([0.3]) is False  # a single class
    assert CrossEntropyFilter(0.9)(boxes(0.4)) is False  # boxes are no probabilities
    assert ThresholdFilter("0.5")(boxes("0.4")) is True


def test_parameters_that_are_no_numbers_are_named():
    with pytest.raises(HardExampleError, match=r"IBT: parameter threshold_img must be a number, not 'much'"):
        IBTFilter(threshold_img="much")


def test_strangers_among_the_parameters_are_ignored_as_in_sedna():
    assert IBTFilter(threshold_img="0.9", another="x").threshold_img == 0.9
