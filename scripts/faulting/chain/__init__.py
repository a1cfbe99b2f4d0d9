"""The fault table of the chain: validators, endpoints and senders that fail, with real ones."""
