namespace tql_engine {}
