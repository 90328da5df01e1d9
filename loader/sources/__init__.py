"""Storage formats, one module or package each; every one offers the protocol of tql.loader.source."""
