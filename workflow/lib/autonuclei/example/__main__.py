"""Write the data of the example: python -m autonuclei.example FOLDER."""

import argparse
import sys

from autonuclei.errors import InputError
from autonuclei.example.data import write_example


def main() -> None:
    """Write what is missing in the folder, and say what that was."""
    parser = argparse.ArgumentParser("python -m autonuclei.example", description=__doc__)
    parser.add_argument("folder", help="where to, e.g. example/data")
    folder = parser.parse_args().folder
    try:
        written = write_example(folder)
    except (InputError, OSError) as error:
        sys.exit(f"ERROR {error}")
    said = f"wrote {', '.join(written)}" if written else "all is there"
    print(f"The data of the example, {folder}: {said}")


if __name__ == "__main__":
    main()
