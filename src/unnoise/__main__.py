"""`python -m unnoise`, as accelerate launches it, is the command line."""

if __name__ == "__main__":
    import sys

    if not sys.flags.safe_path:  # Python looks in this folder first, where a user's random.py would hide its own
        sys.path.append(sys.path.pop(0))

    from unnoise.cli import main

    main()
