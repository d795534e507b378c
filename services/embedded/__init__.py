"""The one-machine mode: broker, store, mail catcher and services as child processes."""
