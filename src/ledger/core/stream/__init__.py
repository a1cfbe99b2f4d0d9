"""A stream: its entries, its log, the lists and the map that follow from them."""
