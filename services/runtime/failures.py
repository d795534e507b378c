"""The two failures a handler may name. Anything else that leaves a handler is unexpected: a dead letter with its trace."""


class Reject(Exception):
    """Will never work: dead letter with the original bytes. The text says why and holds no personal value."""


class Retry(Exception):
    """May work later for this one message; after N tries it is a dead letter."""
