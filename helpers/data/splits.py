"""The three parts of every data set."""

from collections.abc import Mapping

SPLITS = {"train": 2048, "val": 256, "test": 256}  # number of images where a caller gives none


def require_split(split: str) -> None:
    """Check that `split` is the name of one."""
    if split not in SPLITS:
        raise ValueError(f"split is {split!r}; expected 'train', 'val' or 'test'.")


def number_of(count: int | None, split: str, what: str = "images", usual: Mapping[str, int] = SPLITS) -> int:
    """Return `count`, or for None what is `usual` for a split, after checking both: `count` is a whole number > 0."""
    require_split(split)
    if count is None:
        return usual[split]
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise ValueError(f"count is {count!r}; expected a whole number of {what}, 1 or more.")
    return count
