"""What the chain commits to: hashes, RLP, state proofs and the words of HeadAnchor."""
