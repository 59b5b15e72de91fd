# One image for both halves: `docker build --tag thenvoi-bridge .`
#
# The tag names one release of Python on one of Debian. A tag can be moved: to build on the very same image again,
# give it with its digest, which `docker buildx imagetools inspect python:3.13.16-slim-trixie` prints:
#     docker build --build-arg PYTHON=python:3.13.16-slim-trixie@sha256:… --tag thenvoi-bridge .
ARG PYTHON=python:3.13.16-slim-trixie

FROM ${PYTHON} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
COPY requirements.lock requirements-build.lock ./
RUN python -m venv --without-pip /opt/thenvoi
RUN pip --python /opt/thenvoi install --require-hashes --only-binary :all: --requirement requirements.lock
RUN pip install --require-hashes --only-binary :all: --requirement requirements-build.lock
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN pip wheel --no-deps --no-build-isolation --wheel-dir dist .
RUN pip --python /opt/thenvoi install --no-deps --no-index dist/*.whl

FROM ${PYTHON}
COPY --from=build /opt/thenvoi /opt/thenvoi
# Nothing but /data is written to, so the rest may be read-only.
ENV PATH=/opt/thenvoi/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/data THENVOI_STATE_DIR=/data
RUN install --directory --owner=10001 --group=10001 --mode=0700 /data
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["thenvoi-bridge", "ready"]
# The program itself is the process that gets the signal to end.
ENTRYPOINT ["thenvoi-bridge"]
CMD ["--help"]
