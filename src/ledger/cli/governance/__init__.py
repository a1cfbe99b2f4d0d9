"""``credit-ledger council`` and ``contracts``: what those who govern the chain's contracts do."""
