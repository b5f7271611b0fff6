"""`python -m proving` is the same command as `proving`."""

from proving.cli import main

if __name__ == "__main__":
    main()
