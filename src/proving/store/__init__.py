"""An object store node that loses nothing in a crash."""
