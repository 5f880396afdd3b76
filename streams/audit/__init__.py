"""The auditor: an independent reader that decides everything again and compares. See README.md."""
