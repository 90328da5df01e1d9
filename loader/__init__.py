"""Storage, views and streaming: from a path to batches."""
