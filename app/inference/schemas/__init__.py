"""Convert JSON schemas to grammars that constrain replies."""
