"""The one place where adapters, services and the API are put together; import its rooms."""
