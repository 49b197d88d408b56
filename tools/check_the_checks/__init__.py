"""Do the checks hold what they promise? Every question is measured, and a table printed and written to docs/checks.md:

    python -m tools.check_the_checks                       all questions, on all cores (`make check-the-checks`)
    python -m tools.check_the_checks mpjpe pck             these questions, printed only
    python -m tools.check_the_checks --sentences           the table of sentences in docs/checks.md alone, in seconds

`measures` has what is counted, one function a column; `numbers` how answers meet other numbers (float64, two threads);
`table` puts counts into words, `sentence_table` sentences beside their cases. The exit status is 1 where a count is not
what it should be.
"""

import os
import sys

from helpers.files import ROOT

# Two processes of two threads each on two cores: a thread that waits by spinning would take the time of one that works.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
sys.path.insert(0, str(ROOT / "grading" / "tests"))  # answers, mutants and strangers live with the tests that use them
