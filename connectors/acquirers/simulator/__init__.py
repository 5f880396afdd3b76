"""An acquirer in a process of its own, real enough to fail; its ledger is the tests' oracle."""
