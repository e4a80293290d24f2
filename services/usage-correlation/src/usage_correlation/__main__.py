"""Run the usage service: `python -m usage_correlation serve`."""

import gc

from mesh.service import main
from usage_correlation.wiring import SERVICE

if __name__ == "__main__":
    # What is imported stays: going through it again and again would make calls wait for tenths of a second. What a
    # batch makes is given back without the garbage collector, which may come seldom.
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    main(SERVICE)
