"""The three parts of every data set."""

SPLITS = {"train": 2048, "val": 256, "test": 256}  # number of images where a caller gives none


def require_split(split: str) -> None:
    """Check that `split` is the name of one."""
    if split not in SPLITS:
        raise ValueError(f"split is {split!r}; expected 'train', 'val' or 'test'.")


def require_count(count: object, what: str = "images") -> None:
    """Check that `count` is a whole number of images, or of `what`, above 0."""
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise ValueError(f"count is {count!r}; expected a whole number of {what}, 1 or more.")
