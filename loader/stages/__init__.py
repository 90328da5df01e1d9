"""The steps from positions to a batch: fetch, decode, transform, collate. Each is one file."""
