"""From query text to physical plan."""
