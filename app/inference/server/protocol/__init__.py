"""What all requests and responses of the API share: fields, messages, tools, formats."""
