"""Takes requests for exports over HTTP and tells how they stand."""
