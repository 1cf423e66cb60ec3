"""`python -m unnoise`, as accelerate launches it, is the command line."""

from unnoise.cli import main

if __name__ == "__main__":
    main()
