"""Reader for Deep Lake v3 datasets in local folders."""

from tql.loader.sources.v3.source import V3Source

__all__ = ["V3Source"]
