"""`python -m streams`: the same command line as `holdfast`."""

from streams.starting import modules_loading

if __name__ == "__main__":
    with modules_loading():
        from streams.cli import main
    main()
