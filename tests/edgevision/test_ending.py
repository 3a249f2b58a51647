from edgevision.ending import Sink


def test_the_last_sink_to_finish_says_stop():
    fast, slow = Sink(), Sink()
    fast.began()
    assert not fast.ended()     # the other one has not even begun
    slow.began()
    assert slow.ended()
    fast.leave()
    slow.leave()


def test_streams_are_counted_as_the_source_says():
    sink = Sink()
    for _ in range(2):
        sink.began(3)
        assert not sink.ended()
    sink.began(3)
    assert sink.ended()
    sink.leave()


def test_two_graphs_in_one_process_do_not_wait_for_each_other():
    first = Sink()
    first.began()
    second = Sink()
    second.began()
    assert second.ended() and first.ended()
    first.leave()
    second.leave()
