"""Services shared by the pages: the engine, the lists of models and servers, model profiles."""
