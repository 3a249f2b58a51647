"""The torture itself: every named step is reached, and the count comes out."""

import pytest

from sedna_bridge.errors import SpoolError
from sedna_bridge.spool.files import SpoolFiles
from sedna_bridge.spool.torture import STEPS, Torture


@pytest.mark.slow
def test_the_invariant_holds_over_cycles_of_kills_and_faults(tmp_path):
    report = Torture(tmp_path / "rig", 48, seed=11).run()
    assert report["holds"], report
    assert report["lost"] == 0 and report["stored_twice"] == 0 and report["stored_wrong"] == 0
    assert report["accepted"] == report["delivered"] + report["still_spooled"] + report["dropped"]
    assert report["still_spooled"] == 0 and report["accepted"] > 200
    assert report["events"]["killed at a named step"] > 5 and report["events"]["killed at a random moment"] > 5
    assert set(report["kills_by_step"]) <= set(STEPS)


def test_a_directory_of_its_own(tmp_path):
    (tmp_path / "spool").mkdir()
    with pytest.raises(SpoolError, match="of its own"):
        Torture(tmp_path, 1)


@pytest.mark.slow
def test_the_power_cuts_find_a_missing_sync(tmp_path, monkeypatch):
    monkeypatch.setattr(SpoolFiles, "sync", lambda self, segment: None)
    report = Torture(tmp_path / "rig", 32, seed=5).run()
    assert not report["holds"] and report["events"]["power cuts"] > 5
