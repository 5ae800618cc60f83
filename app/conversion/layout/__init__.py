"""What a source lays out for the writer, weights unread."""
