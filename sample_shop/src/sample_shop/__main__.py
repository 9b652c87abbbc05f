"""`python -m sample_shop`."""

import sys

from sample_shop.cli import main

if __name__ == "__main__":
    main(sys.argv[1:])
