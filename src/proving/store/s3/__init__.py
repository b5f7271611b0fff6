"""The S3 face of the store: HTTP, signatures, XML and the operations, over any `proving.store.Store`."""
