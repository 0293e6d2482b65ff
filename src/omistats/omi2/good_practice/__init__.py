"""Published examples of good practice: index, search and reader."""
