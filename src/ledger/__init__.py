"""The Yangtze Delta cross-region credit ledger."""
