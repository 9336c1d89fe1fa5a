# One image for every part of histotwin. What it runs as can write nowhere but in the volumes and /tmp.
FROM python:3.12-slim
# pg_dump and pg_restore for `histotwin db backup` and `db restore`: of the server's version or a newer one
RUN apt-get update -qq \
    && apt-get install -y -qq --no-install-recommends postgresql-client \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE histotwin.py ./
COPY tracking tracking
COPY devices devices
COPY twin twin
COPY simulations simulations
COPY dashboard dashboard
COPY data data
# a volume takes the owner of the folder that it is first mounted on
RUN pip install --no-cache-dir --no-deps --no-build-isolation -e . \
    && groupadd --gid 10001 histotwin && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin histotwin \
    && for folder in authority ca broker-tls broker database-owner database-app \
                     mqtt-admin mqtt-ingest mqtt-virtual-lab mqtt-health; do \
         install -d -o histotwin -g histotwin -m 0700 /histotwin/$folder; done \
    && chmod 0755 /histotwin/ca && install -d -o histotwin -g histotwin -m 0750 /data
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HOME=/tmp HISTOTWIN_DATA_DIR=/data HISTOTWIN_LOG_FORMAT=json
USER 10001:10001
ENTRYPOINT ["histotwin"]
