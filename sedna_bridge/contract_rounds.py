"""Where the files of a round lie under a job's outputDir, as the real LC lays them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RoundFiles:
    """The host paths (or s3 URLs) of one round.

    `data.txt` holds the round's lines as they stood in the dataset; `dataIndex.txt` exists only for a dataset that is
    not on the host: its first line is the dataset's prefix, then one file name per line.
    """

    output_dir: str
    round: int

    @property
    def root(self) -> str:
        return self.output_dir.rstrip("/")

    @property
    def train_data(self) -> str:
        return "%s/data/train/%d/data.txt" % (self.root, self.round)

    @property
    def eval_data(self) -> str:
        return "%s/data/eval/%d/data.txt" % (self.root, self.round)

    @property
    def eval_index(self) -> str:
        return "%s/data/eval/%d/dataIndex.txt" % (self.root, self.round)

    @property
    def train_output(self) -> str:
        """MODEL_URL of the train worker: a folder, made by the worker."""
        return "%s/train/%d" % (self.root, self.round)


def output_folders(output_dir: str) -> list[str]:
    """The folders that LC makes when it meets a job."""
    return [output_dir.rstrip("/") + "/" + name for name in ("data/train", "data/eval", "train", "eval")]
