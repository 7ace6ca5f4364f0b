"""Does the same work with other tools, each in the way of a competent user of that tool."""
