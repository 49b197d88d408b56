"""The three parts of every data set."""

SPLITS = {"train": 2048, "val": 256, "test": 256}  # number of images where a caller gives none


def require_split(split: str) -> None:
    """Check that `split` is the name of one."""
    if split not in SPLITS:
        raise ValueError(f"split is {split!r}; expected 'train', 'val' or 'test'.")
