# tmsgrad as a container, also for Apptainer:
#   docker build -t tmsgrad .
#   apptainer build tmsgrad.sif docker-daemon://tmsgrad:latest
#   docker run --rm -v "$PWD":/data tmsgrad bids /data/study /data/results participant \
#     --plan /data/plan.toml
FROM python:3.13-slim AS build

COPY . /source
RUN python -m venv /opt/tmsgrad \
    && /opt/tmsgrad/bin/pip install --no-cache-dir "/source[cohort,template,segment,atlas]"

FROM python:3.13-slim

ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="tmsgrad" \
      org.opencontainers.image.description="E-field simulation and coil placement for TMS, for research use only" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.documentation="docs/cohorts.md"

# Nobody's own account: Apptainer runs it as whoever calls it, and Docker as this one.
RUN useradd --create-home --uid 1000 tmsgrad \
    && mkdir /cache /data \
    && chmod 1777 /cache /data
COPY --from=build /opt/tmsgrad /opt/tmsgrad

ENV PATH=/opt/tmsgrad/bin:$PATH \
    TMSGRAD_CACHE=/cache \
    MPLBACKEND=agg \
    PYTHONUNBUFFERED=1
USER 1000:1000
WORKDIR /data
ENTRYPOINT ["tmsgrad"]
CMD ["--help"]
