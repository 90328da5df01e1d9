"""Where bytes are kept: stores of files below one root, and changes of many files that happen as one."""
