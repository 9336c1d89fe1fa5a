FROM python:3.12-slim
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
RUN pip install --no-cache-dir --no-deps --no-build-isolation -e . \
    && useradd --system --create-home histotwin && mkdir /data && chown histotwin /data
USER histotwin
ENTRYPOINT ["histotwin"]
