# docker build -t csp-sentinel .        (BuildKit; nothing but this folder and the packages of the lock goes in)
# For many machines, without ClickHouse in process: docker build --build-arg LOCK=requirements-stages.lock …
# The base is pinned by version, the Python that the tests and the measurements ran with; pin its digest too where you
# build: --build-arg PYTHON=python:3.11.14-slim-bookworm@sha256:…
ARG PYTHON=python:3.11.14-slim-bookworm
ARG LOCK=requirements.lock

FROM ${PYTHON} AS build
ARG LOCK
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
RUN python -m venv /opt/csp-sentinel
WORKDIR /build
# The packages first: they change less often than the program.
COPY requirements.lock requirements-stages.lock ./
RUN /opt/csp-sentinel/bin/pip install --require-hashes --only-binary :all: -r ${LOCK}
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

# The list of what is in it (CycloneDX), by the same lock. Of the tool nothing stays but its answer.
FROM ${PYTHON} AS sbom
ARG LOCK
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build
COPY requirements-sbom.lock ./
RUN pip install --root-user-action ignore --require-hashes --only-binary :all: -r requirements-sbom.lock
COPY requirements.lock requirements-stages.lock pyproject.toml ./
RUN cyclonedx-py requirements ${LOCK} --pyproject pyproject.toml --output-reproducible --output-file sbom.cdx.json

# A root with Python and the C libraries, and without the programs of a system: shell, coreutils, perl, apt, dpkg, pip.
# What dpkg knew stays as a file, for scanners of the libraries. The shell that does it is gone with the last line.
FROM ${PYTHON} AS root
RUN pip uninstall --yes --quiet --root-user-action ignore wheel setuptools pip \
    && groupadd --gid 10001 sentinel \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /nonexistent sentinel \
    && install -d -o 10001 -g 10001 -m 0750 /var/lib/csp-sentinel \
    && find / -xdev -perm /6000 -type f -exec chmod a-s {} + \
    && rm -rf /etc/apt /etc/cron.daily /usr/lib/apt /usr/lib/dpkg /usr/lib/*/perl* /usr/share/perl* \
        /usr/share/man /var/cache /var/lib/apt /var/lib/dpkg/info /var/log /root \
    && find /usr/bin /usr/sbin -mindepth 1 -delete

# From nothing, so that what was deleted is in no layer.
FROM scratch AS run
LABEL org.opencontainers.image.title="CSP-Sentinel" \
      org.opencontainers.image.description="Takes in Content-Security-Policy violation reports, counts each, and shows what to act on" \
      org.opencontainers.image.licenses="MIT"
COPY --from=root / /
COPY --from=build /opt/csp-sentinel /opt/csp-sentinel
COPY --from=sbom /build/sbom.cdx.json /usr/share/csp-sentinel/sbom.cdx.json
ENV PATH=/opt/csp-sentinel/bin:/usr/local/bin \
    LANG=C.UTF-8 \
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
