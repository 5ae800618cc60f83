"""Common parts of all requests and responses: fields, messages, tools, formats."""
