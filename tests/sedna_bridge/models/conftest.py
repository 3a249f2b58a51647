import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import toy_models
from swap_rig import Rig

from sedna_bridge.models import ModelStore, take_in


@pytest.fixture
def store(tmp_path):
    return ModelStore(tmp_path / "models", lock_timeout=2.0)


@pytest.fixture
def install(store, tmp_path):
    """install("2", boxes=5) -> record of a toy model in the store."""

    def make(version, name="little", activate=False, **behaviour):
        folder = toy_models.model_folder(tmp_path / "made" / ("%s-%s" % (name, version)), version, name, **behaviour)
        record = take_in(store, folder)
        if activate:
            store.point_at(record.id)
        return record

    return make


@pytest.fixture
def rig(store):
    return lambda *args, **settings: Rig(store, *args, **settings)
