"""The words the services share: one module per kind of message. No I/O; imports nothing of ours."""
