"""What a baseline is, for people: a document of its figures, pictures of them, and one page that opens offline."""
