"""Write the synthetic cases: ``python -m omistats.omi2.synthesis OUT.parquet``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from omistats.omi2.published import load_published
from omistats.omi2.synthesis.generate import SEED, generate


def main(argv: Sequence[str] | None = None) -> int:
    """Generate the cases from the published tables and write them as Parquet."""
    import pyarrow.parquet

    parser = argparse.ArgumentParser(prog="python -m omistats.omi2.synthesis")
    parser.add_argument("out", help="the Parquet file to write")
    parser.add_argument("--seed", type=int, default=SEED, help="default: %(default)s")
    options = parser.parse_args(argv)
    table = generate(load_published(), seed=options.seed)
    pyarrow.parquet.write_table(table, options.out, compression="zstd")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
