# Builds with everything, runs with what running needs: no compiler, no development packages, no root.
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# The client that a test generates is a workspace of the lock file.
COPY test/openapi-client/package.json test/openapi-client/
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY scripts scripts
COPY src src
RUN node scripts/build.mjs

FROM node:24-bookworm-slim AS production
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY test/openapi-client/package.json test/openapi-client/
RUN npm ci --omit=dev --ignore-scripts --workspaces=false

FROM node:24-bookworm-slim
# Node as process 1 neither forwards signals to nor reaps what it starts; tini does.
RUN apt-get update \
    && apt-get install -y --no-install-recommends tini \
    && rm -rf /var/lib/apt/lists/* \
    && install -d -o node -g node -m 0700 /certs /data
WORKDIR /app
COPY --from=production /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY package.json LICENSE ./
COPY proto proto
COPY fixtures fixtures
COPY docs/policy.schema.json docs/policy-expectations.schema.json docs/
ENV NODE_ENV=production PASSBAND_CERTS=/certs PASSBAND_DATA=/data
USER node
VOLUME ["/certs", "/data"]
EXPOSE 8443 50051
# The probe listener is on loopback, inside the container.
HEALTHCHECK --interval=15s --timeout=3s --start-period=15s CMD ["node", "-e", "const port = process.env.PASSBAND_METRICS_PORT ?? 9464; fetch('http://127.0.0.1:' + port + '/healthz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["tini", "--", "node", "dist/cli/main.js"]
CMD ["up"]
