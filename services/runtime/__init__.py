"""What every service needs and no domain word: consumer loop, outbox, dead letters, documents, metrics, logs."""
