"""The verbs of the engine, one a file: match, advance, turn, publish, change. Public function first, helpers after."""
