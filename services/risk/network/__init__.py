"""The network: what many applications say together. Entities, their signals back, rings. Pure but for `store`."""
