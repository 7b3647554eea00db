# The image of every Shoal process; docker-compose.yml says which command each service runs.
FROM python:3.11-slim AS build
RUN python -m venv /opt/shoal
# The scanner of events is compiled here; the image that runs needs no compiler.
RUN apt-get update -qq && apt-get install -qq -y --no-install-recommends gcc libc6-dev
ENV PATH=/opt/shoal/bin:$PATH \
    PIP_CACHE_DIR=/var/cache/pip
WORKDIR /src
COPY . .
# The Makefile's INSTALL, without the extras for embedded services and development.
RUN --mount=type=cache,target=/var/cache/pip \
    pip install -c constraints.txt ./clients/python .

FROM python:3.11-slim
COPY --from=build /opt/shoal /opt/shoal
ENV PATH=/opt/shoal/bin:$PATH \
    PYTHONUNBUFFERED=1
RUN useradd --uid 10001 --create-home shoal
USER shoal
WORKDIR /home/shoal
CMD ["shoal", "--help"]
