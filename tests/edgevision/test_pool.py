import threading

import numpy as np

from edgevision.pool import Pool


def test_memory_comes_back_only_when_the_last_view_is_gone():
    pool = Pool()
    block = pool.take(1000)
    place = block.ctypes.data
    view = block[100:900].reshape(8, 100)[:, ::2]
    block = None
    assert pool.take(1000).ctypes.data != place
    view = memoryview(np.asarray(view))
    assert pool.take(1000).ctypes.data != place
    view = None
    assert place in {one.ctypes.data for one in [pool.take(1000) for _ in range(3)]}


def test_it_keeps_little():
    pool = Pool()
    for size in range(1, 50):
        held = [pool.take(size) for _ in range(40)]
        held.clear()
    assert len(pool._free) <= 4 and all(len(free) <= 12 for free in pool._free.values())


def test_no_two_frames_share_memory_while_threads_take_and_drop():
    pool, broken = Pool(), []

    def work(mark):
        kept = []
        for k in range(2000):
            block = pool.take(64)
            block[:] = mark
            kept.append(block)
            if len(kept) > k % 7:
                old = kept.pop(0)
                if not (old == mark).all():
                    broken.append(mark)
    threads = [threading.Thread(target=work, args=(mark,)) for mark in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not broken
