"""Building blocks of pages: one class per module, independent of features."""
