# The controller of rollouts on a cluster: `turnout controller`. See docs/cluster-rollouts.md.
FROM python:3.13-slim AS build
COPY pyproject.toml README.md LICENSE constraints.txt /src/
COPY src /src/src
# What the controller imports, and no more: the data plane, gRPC and the dashboard stay out.
RUN pip install --no-cache-dir --target /app -c /src/constraints.txt click PyYAML cryptography \
 && pip install --no-cache-dir --target /app --no-deps /src

FROM python:3.13-slim
COPY --from=build /app /app
ENV PYTHONPATH=/app PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
ENTRYPOINT ["python", "-m", "turnout"]
CMD ["controller"]
