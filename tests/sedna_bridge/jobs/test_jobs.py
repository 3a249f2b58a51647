import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedna_bridge.jobs import ResourceError, load, typed
from sedna_bridge.jobs.document import plain, read
from sedna_bridge.jobs.schema import SPECS

GOOD = """\
apiVersion: sedna.io/v1alpha1
kind: IncrementalLearningJob
metadata:
  name: demo
spec:
  initialModel: {name: initial}
  dataset:
    name: d
    trainProb: 0.8
  trainSpec:
    template:
      spec:
        nodeName: edge
        containers:
          - image: sednabox
            name: train
            args: ["train.py"]
            env:
              - name: epochs
                value: "1"
    trigger:
      checkPeriodSeconds: 60
      timer:
        start: 02:00
        end: 20:00
      condition: {operator: ">", threshold: 500, metric: num_of_samples}
  evalSpec:
    template: {spec: {nodeName: edge, containers: [{image: sednabox, name: eval}]}}
  deploySpec:
    model: {name: deploy, hotUpdateEnabled: true}
    trigger:
      condition: {operator: ">", threshold: 0.1, metric: "precision_delta[0]"}
    hardExampleMining: {name: IBT}
    template:
      spec:
        nodeName: edge
        containers:
        - image: sednabox
          name: infer
          volumeMounts: [{name: v, mountPath: /video/}]
        volumes:
        - name: v
          hostPath: {path: /v/, type: Directory}
  outputDir: /output
"""


@pytest.mark.parametrize(
    "text, value",
    [
        ("20:00", "20:00"),
        ("02:00", "02:00"),
        ("1e3", 1000.0),
        ("017", 15),
        ("0o17", 15),
        ("0x1F", 31),
        ("1_000", 1000),
        ("yes", True),
        ("off", False),
        ("y", True),
        ("~", None),
        ("2001-01-01", "2001-01-01"),
        (".5", 0.5),
        ("1.", 1.0),
        ("+12", 12),
        ("1.2.3", "1.2.3"),
        ("-", "-"),
        ("08", 8.0),
        ("0b11", 3),
        ("12e", "12e"),
        ("-0x1f", -31),
        ("18446744073709551615", 18446744073709551615),
        ("nan", "nan"),
    ],
)
def test_plain_scalars_mean_what_kubectl_makes_of_them(text, value):
    assert plain(text) == value and type(plain(text)) is type(value)


@given(st.text())
def test_any_text_is_some_scalar(text):
    assert plain(text) is None or isinstance(plain(text), (str, bool, int, float))


def test_the_job_is_typed():
    job = typed(load(GOOD)[0])
    assert (job.train_trigger.start, job.train_trigger.end) == ("02:00", "20:00")
    assert job.train_trigger.check_period == 60
    assert job.poll_period == 60 and job.hot_update
    assert job.deploy_trigger.condition.threshold == 0.1
    assert job.mining_parameters == ()


@pytest.mark.parametrize(
    "before, after, line, word",
    [
        ("trainProb: 0.8", "trainProb: big", 9, "must be a number"),
        ('value: "1"', "value: 1", 20, "put quotes around it: '1'"),
        ("hotUpdateEnabled: true", "hotUpdateEnable: true", 30, "did you mean `hotUpdateEnabled`"),
        ("  outputDir: /output\n", "", 5, "outputDir is required"),
        ("kind: IncrementalLearningJob", "kind: Deployment", 2, "not a kind of Sedna's"),
        ("kind: IncrementalLearningJob", "kind: ReidJob", 2, "runs only in a cluster"),
        ("sedna.io/v1alpha1", "v1", 1, "apiVersion must be"),
        ("name: demo", "name: Demo_1", 4, "lower-case"),
        ("trainProb: 0.8", "trainProb: 1.5", 9, "panics"),
        ("end: 20:00", "end: 25:00", 25, "time of day"),
        ("metadata:\n  name: demo", "metadata: {}", 3, "metadata.name is required"),
        ("- image: sednabox\n            name: train", "- image: sednabox", 15, "name is required"),
        ("outputDir: /output", "outputDir: output", 44, "neither an absolute host path"),
        ("  dataset:\n    name: d", "  dataset:\n\tname: d", 8, "no YAML"),
        ("checkPeriodSeconds: 60", "checkPeriodSeconds: 60.5", 22, "whole number"),
    ],
)
def test_errors_have_the_line_and_the_reason(before, after, line, word):
    assert before in GOOD
    with pytest.raises(ResourceError) as caught:
        load(GOOD.replace(before, after, 1), "job.yaml")
    texts = [str(finding) for finding in caught.value.findings if finding.level == "error"]
    assert any(text.startswith(f"job.yaml:{line}: ") and word in text for text in texts), texts


@pytest.mark.parametrize(
    "before, after, rule",
    [
        ('"precision_delta[0]"', "precision_delta", "metric-index"),
        ("type: Directory", "type: DirectoryorCreate", "host-path-type"),
        ("nodeName: edge", "nodeName: $WORKER_NODE", "node"),
        ("image: sednabox", "image: $IMAGE", "image"),
        ('operator: ">"', 'operator: "~"', "operator"),
        ("metric: num_of_samples", "metric: samples", "metric"),
        ("name: IBT", "name: EdgeCloud", "mining"),
        ("hotUpdateEnabled: true", "hotUpdateEnabled: false", "cold-update"),
        ("start: 02:00", "start: 2:00", "timer"),
        ("trainProb: 0.8", "trainProb: 1", "train-prob"),
        ("name: v, mountPath", "name: w, mountPath", "mount"),
        ("outputDir: /output", "outputDir: s3://bucket/out", "credential"),
        ("  name: demo", "  name: demo\n  name: demo", "duplicate"),
        ("checkPeriodSeconds: 60", "checkPeriodSeconds: 60", "check-period"),
    ],
)
def test_what_kubernetes_or_sedna_do_badly_is_warned_of(before, after, rule):
    resource = load(GOOD.replace(before, after, 1))[0]
    assert rule in [finding.rule for finding in resource.findings]
    assert all(finding.level == "warning" for finding in resource.findings)


def test_a_dataset_that_the_real_lc_cannot_read_is_warned_of():
    head = "apiVersion: sedna.io/v1alpha1\nkind: Dataset\nmetadata: {name: d}\n"
    text = head + "spec: {url: /d, format: %s, nodeName: here}\n"
    for kind, rules in (("txt", []), ("TXT", ["format"]), ("csv", ["format"]), ("jsonl", ["format"])):
        assert [finding.rule for finding in load(text % kind)[0].findings] == rules
    with pytest.raises(ResourceError, match="nobody can count"):
        load(text % "parquet")


def test_many_documents_lists_anchors_and_merges():
    text = textwrap.dedent("""\
        ---
        # nothing
        ---
        apiVersion: v1
        kind: List
        items:
        - &m
          apiVersion: sedna.io/v1alpha1
          kind: Model
          metadata: {name: a, namespace: lab}
          spec: &s {url: /m, format: onnx}
        - <<: *m
          metadata: {name: b}
          spec: {<<: *s, format: pb}
        """)
    first, second = load(text)
    assert (first.name, first.namespace, second.name, second.namespace) == ("a", "lab", "b", "default")
    assert typed(second).format == "pb" and typed(second).url == "/m"


def test_an_alias_bomb_ends():
    text = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 10)}]\n" for n in range(7)
    )
    with pytest.raises(ResourceError, match="too many aliases"):
        read(text)


@pytest.mark.parametrize(
    "text", ["", "---\n", "a: b: c", "[", "just text", "- 1", "\t", "a: *b", "{a: &x [*x]}", "? [a]\n: b"]
)
def test_what_is_no_resource_is_one_clear_error(text):
    with pytest.raises(ResourceError):
        load(text, "f.yaml")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["name", "spec", "url", "x"]), inner, max_size=3)
        ),
        max_leaves=12,
    ),
    st.sampled_from(sorted(SPECS)),
)
def test_any_spec_is_refused_or_taken_but_never_a_traceback(value, kind):
    import json

    text = json.dumps({"apiVersion": "sedna.io/v1alpha1", "kind": kind, "metadata": {"name": "a"}, "spec": value})
    try:
        load(text)
    except ResourceError as error:
        assert error.findings


def test_kubernetes_own_kinds_in_the_file_are_left_out_with_a_warning():
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {ACCESS_KEY_ID: x}\n---\n"
    resources = load(secret + GOOD)
    assert [resource.kind for resource in resources] == ["IncrementalLearningJob"]
    assert "alien" in [finding.rule for finding in resources[0].findings]
    with pytest.raises(ResourceError, match="no resource"):
        load(secret)
