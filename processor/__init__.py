"""From the log to the store: decode, normalise, classify, fold, insert."""
