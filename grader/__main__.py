"""`python -m grader` is `grade`; an interrupt while it starts ends it quietly too."""

import sys


def main() -> None:
    try:
        from grader.cli import main as command
    except KeyboardInterrupt:
        sys.exit(130)
    command()


if __name__ == "__main__":
    main()
