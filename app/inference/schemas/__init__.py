"""JSON schemas as grammars that hold a reply to them."""
