"""The rules that name a mistake in the syntax, one module for each kind of mistake."""
