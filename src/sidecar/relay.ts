/**
 * Stands before an inference service and hands every byte on, both ways, as it came: one connection to the service for each of a
 * client, so that keep-alive, pipelining, trailers, interim responses, upgrades, half-closed and cut connections are the service's
 * own, and nothing has to be rebuilt. What is read along (`ExchangeObserver`) is read after it was handed on, or, where `observeFirst`
 * says so, before; an error of reading ends the reading and never the connection.
 */
import net from "node:net";
import tls from "node:tls";
import { DriftlineError } from "../core/errors.ts";

/** Reads along on one connection. */
export interface Observer {
  /** True where the connection could be closed without cutting anything off. */
  readonly idle: boolean;
  fromClient(bytes: Buffer): void;
  fromService(bytes: Buffer): void;
  serviceEnded(): void;
  closed(): void;
}

export interface RelayOptions {
  /** `http:` or `https:`, host and port of the service. */
  readonly service: URL;
  readonly host: string;
  readonly port: number;
  readonly observe: () => Observer;
  /** Whether what the service says is read along before the client gets it: what a client has is then surely kept. */
  readonly observeFirst: boolean;
  readonly connections: ConnectionCounts;
  /** Told once for each connection that is no longer read along because of an error of ours. */
  readonly failed: (thrown: unknown) => void;
}

export interface ConnectionCounts {
  opened(): void;
  closed(): void;
  /** The service could not be reached: the client's connection is reset, as the service's own port would do it. */
  unreachable(): void;
}

export interface Relay {
  /** @throws DriftlineError `config_invalid` where the address can't be bound */
  start(): Promise<{ readonly port: number }>;
  /** Takes no new connections, closes idle ones as they become so, and cuts the rest after `withinMs`. */
  stop(withinMs: number): Promise<void>;
}

/** A peer that has vanished without a word is noticed after a few of these. */
const KEEP_ALIVE_MS = 60_000;
/** Between two looks for connections that have become idle while stopping. */
const IDLE_LOOK_MS = 50;

interface Connection {
  readonly idle: boolean;
  close(): void;
  cut(): void;
}

export function createRelay(options: RelayOptions): Relay {
  const open = new Set<Connection>();
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const connection = join(client, connect(options.service), options, () => {
      open.delete(connection);
      options.connections.closed();
    });
    open.add(connection);
    options.connections.opened();
  });
  return {
    start: () =>
      new Promise((resolve, reject) => {
        const refused = (thrown: Error) => {
          const text = `can't listen on ${options.host}:${options.port} (${thrown.message}); choose another --listen`;
          reject(new DriftlineError("config_invalid", text, { cause: thrown }));
        };
        server.once("error", refused);
        server.listen({ host: options.host, port: options.port, backlog: 4096 }, () => {
          server.off("error", refused);
          // Such as too many open files: the connection is refused, the others go on.
          server.on("error", options.failed);
          const address = server.address();
          resolve({ port: typeof address === "object" && address !== null ? address.port : options.port });
        });
      }),
    stop: (withinMs) =>
      new Promise((resolve) => {
        const closeIdle = () => {
          for (const connection of open) if (connection.idle) connection.close();
        };
        const look = setInterval(closeIdle, IDLE_LOOK_MS);
        const cut = setTimeout(() => {
          for (const connection of open) connection.cut();
        }, withinMs);
        server.close(() => {
          clearInterval(look);
          clearTimeout(cut);
          resolve();
        });
        closeIdle();
      }),
  };
}

function connect(service: URL): net.Socket {
  const secure = service.protocol === "https:";
  const host = service.hostname.replace(/^\[|\]$/g, "");
  const port = service.port === "" ? (secure ? 443 : 80) : Number(service.port);
  const options = { host, port, allowHalfOpen: true, noDelay: true };
  if (!secure) return net.connect(options);
  return tls.connect({
    ...options,
    ALPNProtocols: ["http/1.1"],
    ...(net.isIP(host) === 0 ? { servername: host } : {}),
  });
}

function join(client: net.Socket, service: net.Socket, options: RelayOptions, gone: () => void): Connection {
  let observer: Observer | null = options.observe();
  let reached = false;
  let closed = 0;
  const watch = (look: (observer: Observer) => void) => {
    if (observer === null) return;
    try {
      look(observer);
    } catch (thrown) {
      observer = null;
      options.failed(thrown);
    }
  };
  const ended = () => {
    closed++;
    if (closed < 2) return;
    watch((one) => one.closed());
    observer = null;
    gone();
  };
  client.setKeepAlive(true, KEEP_ALIVE_MS);
  service.setKeepAlive(true, KEEP_ALIVE_MS);
  service.once(service instanceof tls.TLSSocket ? "secureConnect" : "connect", () => {
    reached = true;
  });
  client.on("data", (bytes: Buffer) => {
    forward(bytes, client, service);
    watch((one) => one.fromClient(bytes));
  });
  service.on("data", (bytes: Buffer) => {
    if (options.observeFirst) watch((one) => one.fromService(bytes));
    forward(bytes, service, client);
    if (!options.observeFirst) watch((one) => one.fromService(bytes));
  });
  client.on("end", () => service.end());
  service.on("end", () => {
    watch((one) => one.serviceEnded());
    client.end();
  });
  pass(client, service, ended);
  pass(service, client, () => {
    if (!reached) options.connections.unreachable();
    ended();
  });
  return {
    get idle() {
      return observer?.idle ?? false;
    },
    close() {
      client.end();
      service.end();
    },
    cut() {
      client.destroy();
      service.destroy();
    },
  };
}

function forward(bytes: Buffer, from: net.Socket, to: net.Socket): void {
  if (to.destroyed || to.write(bytes)) return;
  from.pause();
}

/** What becomes of one side becomes of the other: room to write, a reset, the end. */
function pass(from: net.Socket, to: net.Socket, closed: () => void): void {
  from.on("drain", () => to.resume());
  // The close that follows does what is to be done; without a listener the process would end.
  from.on("error", () => undefined);
  from.on("close", (hadError) => {
    if (hadError) reset(to);
    // A side that closed without an error after half of the other had ended has nobody left to talk to.
    else if (!to.destroyed) to.destroySoon();
    closed();
  });
}

function reset(socket: net.Socket): void {
  if (socket.destroyed) return;
  if (socket instanceof tls.TLSSocket || socket.connecting) socket.destroy();
  else socket.resetAndDestroy();
}
