# syntax=docker/dockerfile:1

# One image for all six services; its arguments say which, and what to do:
#   docker build -t cxmesh:0.1.0 .
#   docker run ... cxmesh:0.1.0 customer_profile serve
ARG PYTHON_IMAGE=python:3.12-slim

# ---- build: third-party packages by the hashes of the lock file, then our own wheels -------------------------------
FROM ${PYTHON_IMAGE} AS build
WORKDIR /build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never

# uv, and later hatchling, come from the lock file of the workspace; the services' packages, from the one that leaves
# out development tools and embedded servers.
COPY requirements.lock requirements-run.lock ./
RUN sed -n '/^uv==/,/[^\\]$/p' requirements.lock > uv.txt \
    && pip install --no-cache-dir --no-deps --require-hashes -r uv.txt
RUN --mount=type=cache,target=/root/.cache/uv \
    uv venv --python /usr/local/bin/python /opt/cxmesh \
    && uv pip install --python /opt/cxmesh --no-deps --only-binary :all: --require-hashes --compile-bytecode \
      -r requirements-run.lock

COPY libs libs
COPY services services
RUN --mount=type=cache,target=/root/.cache/uv \
    for package in libs/* services/*; do \
      uv build --wheel --build-constraints requirements.lock --require-hashes --out-dir wheels "$package" || exit 1; \
    done \
    && uv pip install --python /opt/cxmesh --no-deps --no-index --compile-bytecode wheels/*.whl

# ---- runtime: Python, the environment, one user without rights -----------------------------------------------------
FROM ${PYTHON_IMAGE} AS runtime
LABEL org.opencontainers.image.title="cxmesh" \
      org.opencontainers.image.description="The six services of cxmesh, a customer-experience mesh" \
      org.opencontainers.image.licenses="Apache-2.0"
# Nothing installs packages here; pip comes with the base image.
RUN pip uninstall --yes --no-cache-dir --root-user-action=ignore pip \
    && groupadd --gid 10001 cxmesh \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin cxmesh
COPY --from=build /opt/cxmesh /opt/cxmesh
ENV PATH=/opt/cxmesh/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
# gRPC; health without TLS, for probes; metrics; spans by OTLP/gRPC with tokens and by OTLP/HTTP
EXPOSE 8443 8081 9464 4317 4318
ENTRYPOINT ["python", "-m"]

# ---- dev: the same, with sources that Tilt can change; a change starts the service again ---------------------------
FROM runtime AS dev
COPY --chown=10001:10001 libs /src/libs
COPY --chown=10001:10001 services /src/services
COPY deploy/dev/reload.py /opt/reload.py
ENV PYTHONPATH=/src/libs/contracts/src:/src/libs/mesh/src:/src/libs/quality/src:/src/libs/apportioning/src:/src/libs/rating/src:/src/services/profile/src:/src/services/usage-correlation/src:/src/services/billing-accuracy/src:/src/services/offer-decision/src:/src/services/notification/src:/src/services/value-network-sla/src
ENTRYPOINT ["python", "/opt/reload.py", "/src", "python", "-m"]

# ---- what `docker build` makes unless it is told otherwise ---------------------------------------------------------
FROM runtime
