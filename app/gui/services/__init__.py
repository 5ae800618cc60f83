"""What the pages share: the engine, the lists of models and servers, model profiles."""
