"""The filter as a flowunit uses it: environment, expression, memory of frames, budgets."""

import json
import logging
import time

import numpy as np
import pytest

from sedna_bridge.errors import HardExampleError
from sedna_bridge.hard_examples import FrameFacts, HardExampleFilter, attribute_names

SIZE = {"width": 640, "height": 360}


def box(x=300, score=0.9, label=2):
    return [x, 150, x + 40, 230, score, label]


def run(expression, frames, parameters=None, **facts):
    judge = HardExampleFilter(expression, parameters).judge
    return [judge(FrameFacts(detections=found, index=i, **{**SIZE, **facts})) for i, found in enumerate(frames)]


def hard(verdicts):
    return [i for i, verdict in enumerate(verdicts) if verdict.hard]


def test_flicker_marks_the_jumps_of_one_thing():
    labels = [2, 2, 2, 3, 2, 2, 2, 2]
    assert hard(run("flicker", [[box(label=label)] for label in labels])) == [4]
    scores = [0.9, 0.9, 0.4, 0.9, 0.4, 0.9]
    assert hard(run("flicker", [[box(score=score)] for score in scores])) == [3, 4, 5]
    assert hard(run("flicker", [[box(x=300 + 3 * i)] for i in range(20)])) == []


def test_vanish_guesses_at_once_and_knows_when_the_thing_is_back():
    verdicts = run("vanish", [[box()]] * 4 + [[]] * 2 + [[box()]] * 3)
    assert hard(verdicts) == [4, 6]
    assert verdicts[6].earlier == (4, 5)
    assert verdicts[6].score > verdicts[4].score


def test_what_leaves_over_the_border_does_not_vanish():
    frames = [[box(x=640 - 40 - 60 + 20 * i)] for i in range(4)] + [[]] * 5
    assert hard(run("vanish or empty_between", frames)) == []


def test_a_thing_gone_for_long_has_left():
    assert hard(run("vanish", [[box()]] * 4 + [[]] * 11 + [[box()]] * 3)) == [4]


def test_empty_between_full_frames():
    verdicts = run("empty_between", [[box()], [box()], [], [box()], [box()]])
    assert hard(verdicts) == [2, 3]
    assert verdicts[3].earlier == (2,)
    assert hard(run("empty_between", [[], [], [box()], [box()]])) == []


def test_disagreement_with_a_second_model():
    judge = HardExampleFilter("disagreement").judge
    assert not judge(FrameFacts(detections=[box()])).hard
    assert not judge(FrameFacts(detections=[box()], other_detections=[box(x=302)])).hard
    assert not judge(FrameFacts(detections=[], other_detections=[])).hard
    verdict = judge(FrameFacts(detections=[box()], other_detections=[box(label=3)]))
    assert verdict.hard and verdict.score == 1.0
    assert judge(FrameFacts(detections=[], other_detections=[box()])).hard


def test_novel_sends_no_near_duplicates():
    rng = np.random.default_rng(1)
    picture = rng.integers(0, 255, (360, 640, 3), dtype=np.uint8)
    noisy = np.clip(picture.astype(int) + rng.integers(-3, 4, picture.shape) + 20, 0, 255).astype(np.uint8)
    other = rng.integers(0, 255, (360, 640, 3), dtype=np.uint8)
    judge = HardExampleFilter("CloudOnly and novel").judge
    facts = {"detections": [box()], **SIZE}
    assert judge(FrameFacts(picture=picture, **facts)).hard
    assert not judge(FrameFacts(picture=noisy, **facts)).hard
    assert judge(FrameFacts(picture=other, **facts)).hard
    assert judge(FrameFacts(picture=picture, camera="another", **facts)).hard
    assert judge(FrameFacts(picture=picture, detections=[box(), box(x=50), box(x=500)], **SIZE)).hard


def test_drift_needs_a_reference_and_starts_anew_with_a_new_model():
    parameters = {"drift_reference": "100", "drift_window": "50"}
    good, bad = [[box(score=0.85)]] * 160, [[box(score=0.45)]] * 60
    verdicts = run("drift", good + bad, parameters)
    assert not any(verdict.hard for verdict in verdicts[:160])
    assert verdicts[-1].hard and verdicts[-1].reasons == ("drift",)
    judge = HardExampleFilter("drift", parameters).judge
    assert not any(judge(FrameFacts(detections=found, model="1")).hard for found in good)
    assert not any(judge(FrameFacts(detections=found, model="2")).hard for found in bad)


def test_expressions_combine_and_give_their_reasons():
    verdict = run("(IBT or Threshold) and not EdgeOnly", [[box(score=0.2)]])[0]
    assert verdict.hard and verdict.reasons == ("IBT", "Threshold")
    assert verdict.score == 1.0
    assert not run("IBT and EdgeOnly", [[box(score=0.2)]])[0].hard
    assert run("IBT(threshold_img=0.9, threshold_box=0.95)", [[box(score=0.94)]])[0].hard
    assert not run("ibt", [[box(score=0.94)]])[0].hard


@pytest.mark.parametrize(
    "text, words",
    [
        ("IBT or", "cannot be read"),
        ("", "1 to 2000 characters"),
        ("IBT or frobnicate", "there is no filter frobnicate"),
        ("IBT.x", "only names of filters"),
        ("__import__('os')", "there is no filter|name=number"),
        ("IBT(0.5)", "name=number"),
        ("IBT(size=1)", "IBT has no parameter size; it has threshold_box, threshold_img"),
        ("IBT(threshold_img='x')", "must be a number"),
        ("(" * 300 + "IBT" + ")" * 300, "cannot be read"),
        ("flicker(flicker_window=2.5)", "whole number"),
        ("flicker(flicker_window=1000)", "between 2 and 32"),
        ("IBT + flicker", "only names"),
        ("IBT(threshold_img=x)", "must be a number"),
    ],
)
def test_a_wrong_expression_is_explained(text, words):
    with pytest.raises(HardExampleError, match=words):
        HardExampleFilter(text)


def test_configured_by_sednas_environment():
    environment = {
        "HEM_NAME": "IBT",
        "HEM_PARAMETERS": json.dumps(
            [{"key": "threshold_img", "value": "0.9"}, {"key": "threshold_box", "value": "0.95"}, {"value": "lost"}]
        ),
    }
    made = HardExampleFilter.from_environment(environment, {"filter": "EdgeOnly", "threshold_img": 0.2})
    assert made.settings() == {"IBT": {"threshold_img": 0.9, "threshold_box": 0.95}}
    shut = HardExampleFilter.from_environment(environment, {"filter": "EdgeOnly", "environment": "false"})
    assert list(shut.settings()) == ["EdgeOnly"]


def test_budgets_may_come_with_sednas_parameters():
    told = json.dumps([{"key": "budget_per_hour", "value": "1"}])
    made = HardExampleFilter.from_environment(
        {"HEM_NAME": "CloudOnly", "HEM_PARAMETERS": told}, {"budget_per_hour": 9}, clock=lambda: 1.0
    )
    assert [made.judge(FrameFacts()).hard for _ in range(3)] == [True, False, False]


@pytest.mark.parametrize("text", [None, "", "null", "[]"])
def test_no_parameters_are_sednas_defaults(text):
    environment = {"HEM_NAME": "IBT"} if text is None else {"HEM_NAME": "IBT", "HEM_PARAMETERS": text}
    assert HardExampleFilter.from_environment(environment).settings()["IBT"]["threshold_img"] == 0.5


@pytest.mark.parametrize("text", ["{", '{"key": "a"}', "[1]", '[{"key": "threshold_img", "value": ""}]'])
def test_broken_parameters_are_not_passed_over(text):
    with pytest.raises(HardExampleError):
        HardExampleFilter.from_environment({"HEM_NAME": "IBT", "HEM_PARAMETERS": text})


def test_parameters_that_no_filter_takes_are_told(caplog):
    with caplog.at_level(logging.WARNING):
        HardExampleFilter("IBT", {"threshold_imgg": "0.9"})
    assert "threshold_imgg" in caplog.text
    assert {"filter", "quota", "threshold_img", "budget_per_day"} <= set(attribute_names())


def test_budgets_withhold_and_count():
    now = [0.0]
    made = HardExampleFilter.from_environment(
        {}, {"filter": "CloudOnly", "budget_per_minute": "3", "budget_per_hour": 5}, clock=lambda: now[0]
    )
    verdicts = [made.judge(FrameFacts(index=i)) for i in range(5)]
    assert [v.hard for v in verdicts] == [True] * 3 + [False] * 2
    assert verdicts[4].withheld == "budget 3/minute" and verdicts[4].reasons == ("CloudOnly",)
    now[0] = 62.0
    assert [made.judge(FrameFacts()).hard for _ in range(3)] == [True, True, False]
    assert made.counts["withheld: budget 5/hour"] == 1 and made.counts["hard"] == 5 and made.counts["frames"] == 8


def test_quotas_per_reason():
    made = HardExampleFilter.from_environment(
        {}, {"filter": "IBT or Threshold", "quota": "IBT=2/minute, Threshold=1/hour"}, clock=lambda: 5.0
    )
    verdicts = [made.judge(FrameFacts(detections=[box(score=0.2)])) for _ in range(3)]
    assert [v.hard for v in verdicts] == [True, True, False]
    assert verdicts[2].withheld.startswith("quota ")


@pytest.mark.parametrize(
    "attributes",
    [{"budget_per_minute": "many"}, {"budget_per_hour": "-1"}, {"quota": "IBT"}, {"quota": "flicker=3/minute"}],
)
def test_wrong_budgets_are_named(attributes):
    with pytest.raises(HardExampleError, match=next(iter(attributes)).split("=")[0]):
        HardExampleFilter.from_environment({}, {"filter": "IBT", **attributes})


def test_cameras_do_not_disturb_each_other():
    judge = HardExampleFilter("vanish").judge
    for i in range(8):
        assert not judge(FrameFacts(detections=[box()], camera="a", index=i, **SIZE)).hard
        assert not judge(FrameFacts(detections=[], camera="b", index=i, **SIZE)).hard


def test_any_garbage_is_survived():
    judge = HardExampleFilter(
        "IBT or Threshold or CrossEntropy or flicker or vanish or empty_between or disagreement or novel or drift"
    ).judge
    for found in (
        None,
        5,
        "x",
        [[]],
        [None],
        [["a"] * 6],
        [[1, 2, 3, 4, float("inf"), 1]],
        np.zeros((3, 6)),
        [{}],
        b"1",
    ):
        judge(FrameFacts(detections=found, other_detections=found, probabilities=found, picture=found))


def test_a_frame_costs_the_frame_path_little():
    judge = HardExampleFilter("(IBT or flicker or vanish) and novel").judge
    picture = np.zeros((1080, 1920, 3), np.uint8)
    took = []
    for i in range(60):
        facts = FrameFacts(
            detections=[box(x=60 * k + i, score=0.4) for k in range(8)], index=i, picture=picture, **SIZE
        )
        begin = time.perf_counter()
        judge(facts)
        took.append(time.perf_counter() - begin)
    assert sorted(took)[len(took) // 2] < 0.02
