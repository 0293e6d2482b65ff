"""How long a report takes beside other ways of making the same one."""
