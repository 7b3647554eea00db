"""How fast `GET /v1/customers/{id}/segment` is: at 5,000 reads a second, and against a bare Starlette endpoint."""
