# syntax=docker/dockerfile:1
# One image for every command: docker run landfall api, worker, migrate, keys …
# The tag names Python's minor version and Debian's release. For builds that never change, pin it by digest:
# --build-arg PYTHON_IMAGE=python:3.13-slim-trixie@sha256:… (docker buildx imagetools inspect shows it).
ARG PYTHON_IMAGE=python:3.13-slim-trixie

FROM ${PYTHON_IMAGE} AS builder
# "parquet" adds what `parquet = true` of an account needs, "otel" what traces need; "parquet otel" both.
ARG EXTRAS=""
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore PYTHONDONTWRITEBYTECODE=1
WORKDIR /build
COPY requirements/run.txt requirements/build.txt requirements/dev.txt requirements/
COPY deploy/compose/pinned deploy/compose/pinned
# Wheels alone, by the hashes of the locks: nothing is compiled, and nothing runs while it is installed.
RUN python -m venv --without-pip /opt/landfall \
    && pip --python /opt/landfall/bin/python install --require-hashes --only-binary :all: --no-compile --requirement requirements/run.txt
RUN names=""; for extra in $EXTRAS; do case "$extra" in \
        parquet) names="$names duckdb" ;; \
        otel) names="$names opentelemetry-api opentelemetry-sdk opentelemetry-semantic-conventions opentelemetry-proto \
            opentelemetry-exporter-otlp-proto-http opentelemetry-exporter-otlp-proto-common opentelemetry-exporter-otlp-common \
            opentelemetry-exporter-http-transport protobuf googleapis-common-protos requests urllib3 charset-normalizer certifi idna \
            typing-extensions" ;; \
        *) echo "EXTRAS: there is no extra $extra; write parquet, otel or both." >&2; exit 1 ;; \
    esac; done; \
    if [ -n "$names" ]; then \
        sh deploy/compose/pinned requirements/dev.txt $names >extras.txt \
        && pip --python /opt/landfall/bin/python install --require-hashes --only-binary :all: --no-compile --requirement extras.txt; \
    fi
RUN pip install --require-hashes --only-binary :all: --requirement requirements/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY landfall landfall
COPY worker worker
COPY api api
COPY cli cli
COPY sandbox sandbox
COPY migrations migrations
COPY client/src/landfall_client client/src/landfall_client
RUN pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
    && pip --python /opt/landfall/bin/python install --no-deps --no-index --no-compile dist/*.whl \
    && python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/landfall/lib

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="Landfall" \
      org.opencontainers.image.description="Lands vendor CSV exports" \
      org.opencontainers.image.licenses="MIT AND 0BSD AND Apache-2.0"
RUN python -m pip uninstall --yes --quiet --root-user-action ignore pip \
    && groupadd --gid 10001 landfall \
    && useradd --uid 10001 --gid 10001 --home-dir /var/lib/landfall --no-create-home --shell /usr/sbin/nologin landfall \
    && install --directory --owner 10001 --group 10001 --mode 0700 /var/lib/landfall
COPY --from=builder /opt/landfall /opt/landfall
COPY --chmod=0755 deploy/compose/with-secrets /usr/local/bin/with-secrets
COPY --chmod=0644 deploy/compose/worker_alive.py /usr/local/lib/landfall/worker_alive.py
ENV PATH=/opt/landfall/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    LANDFALL_HOME=/var/lib/landfall
# By number, so that Kubernetes' runAsNonRoot can tell.
USER 10001:10001
WORKDIR /var/lib/landfall
VOLUME /var/lib/landfall
EXPOSE 8700
STOPSIGNAL SIGTERM
ENTRYPOINT ["landfall"]
CMD ["--help"]
