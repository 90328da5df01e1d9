"""Writer of Deep Lake v3 datasets: values to chunks, indexes and metas, commits and branches."""
