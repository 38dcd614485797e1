# docker build -t csp-sentinel .        (BuildKit; nothing but this folder and the packages of requirements.lock goes in)
# The base is pinned by version, the Python that the tests and the measurements ran with; pin its digest too where you
# build: --build-arg PYTHON=python:3.11.14-slim-bookworm@sha256:…
ARG PYTHON=python:3.11.14-slim-bookworm

FROM ${PYTHON} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
RUN python -m venv /opt/csp-sentinel
WORKDIR /build
# The packages first: they change less often than the program.
COPY requirements.lock ./
RUN /opt/csp-sentinel/bin/pip install --require-hashes --only-binary :all: -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY schema schema
COPY csp csp
COPY ingest ingest
COPY log log
COPY processor processor
COPY alerts alerts
COPY dashboards dashboards
COPY sentinel sentinel
COPY loadtest loadtest
# Compiled here, since nothing can be written where it runs; without what builds and installs, which nobody needs there.
RUN /opt/csp-sentinel/bin/pip install --no-deps --no-build-isolation . \
    && /opt/csp-sentinel/bin/python -m compileall -q -j 0 /opt/csp-sentinel/lib \
    && /opt/csp-sentinel/bin/pip uninstall --yes --quiet setuptools pip

FROM ${PYTHON} AS run
LABEL org.opencontainers.image.title="CSP-Sentinel" \
      org.opencontainers.image.description="Takes in Content-Security-Policy violation reports, counts each, and shows what to act on" \
      org.opencontainers.image.licenses="MIT"
# No way to install anything, and no setuid program.
RUN pip uninstall --yes --quiet --root-user-action ignore wheel setuptools pip \
    && find / -xdev -perm /6000 -type f -exec chmod a-s {} + \
    && groupadd --gid 10001 sentinel \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin sentinel \
    && install -d -o 10001 -g 10001 -m 0750 /var/lib/csp-sentinel
COPY --from=build /opt/csp-sentinel /opt/csp-sentinel
ENV PATH=/opt/csp-sentinel/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    SENTINEL_DATA_DIR=/var/lib/csp-sentinel \
    SENTINEL_LOG_FORMAT=json
USER 10001:10001
WORKDIR /var/lib/csp-sentinel
VOLUME /var/lib/csp-sentinel
# Reports, console, operations. The last two listen on loopback until SENTINEL_CONSOLE_HOST and SENTINEL_OPS_HOST say
# otherwise.
EXPOSE 8080 8081 8082
STOPSIGNAL SIGTERM
# Of any stage; Kubernetes has probes of its own. Orders that end by themselves (init, import) are over before it asks.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:%s/health' % os.environ.get('SENTINEL_OPS_PORT', '8082'), timeout=4)"]
ENTRYPOINT ["csp-sentinel"]
CMD ["run"]
