# Driftline without the embedded engine: it needs a ClickHouse server (store: { url: … }). Debian slim, not root.
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# The compiler's own binary is an optional package, so the build takes all.
RUN npm install --no-save --ignore-scripts
COPY . .
# Of the optional packages only the engine goes: those that draw the pictures of messages stay.
RUN node scripts/build.mjs && npm pkg delete optionalDependencies.chdb && npm prune --omit=dev --ignore-scripts

FROM node:24-bookworm-slim
ENV NODE_ENV=production UV_THREADPOOL_SIZE=8
WORKDIR /app
COPY --from=build --chown=root:root /app/package.json ./
COPY --from=build --chown=root:root /app/node_modules ./node_modules
COPY --from=build --chown=root:root /app/dist/src ./dist/src
COPY --from=build --chown=root:root /app/dist/detectors ./dist/detectors
RUN mkdir -p /data && chown node:node /data
USER node
VOLUME ["/data"]
EXPOSE 8686
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8686/health').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "--max-semi-space-size=8", "--enable-source-maps", "dist/src/main.js"]
CMD ["serve", "-c", "/etc/driftline/driftline.yaml"]
