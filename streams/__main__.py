"""`python -m streams`: the same command line as `holdfast`."""

from streams.cli import main

if __name__ == "__main__":
    main()
