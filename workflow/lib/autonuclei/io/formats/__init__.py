"""One module per family of file formats; `io.images` chooses among them by the file."""
