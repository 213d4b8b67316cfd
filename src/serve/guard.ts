/**
 * Who may ask: the bind address, the token, the Host and Origin headers, and the headers that every answer carries.
 * Pure functions, so that each rule is a test of its own.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { isIP } from "node:net";
import { DriftlineError } from "../core/errors.ts";

/** True for addresses that only this machine can reach. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, "").toLowerCase();
  if (bare === "localhost" || bare === "::1") return true;
  return isIP(bare) === 4 && bare.startsWith("127.");
}

/** @throws DriftlineError `config_invalid` where the address is open to others and no token is set */
export function checkBind(host: string, token: string | undefined): void {
  if (isLoopback(host) || token !== undefined) return;
  throw new DriftlineError(
    "config_invalid",
    `server.host ${host} can be reached from other machines, so server.token must be set (for example "\${DRIFTLINE_TOKEN}"); or bind 127.0.0.1`,
  );
}

/** Digests have one length, so that the comparison takes the same time whatever was sent. */
function same(one: string, other: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(one), digest(other));
}

/**
 * Whether an Authorization header carries the token: as `Bearer`, or as the password of `Basic` (any user name), which is how a
 * browser can open the page.
 */
export function isAuthorized(header: string | null, token: string): boolean {
  const [scheme = "", value = ""] = (header ?? "").split(/ +/, 2);
  if (scheme.toLowerCase() === "bearer") return same(value, token);
  if (scheme.toLowerCase() !== "basic") return false;
  const pair = Buffer.from(value, "base64").toString("utf8");
  return same(pair.slice(pair.indexOf(":") + 1), token);
}

/** Host header without its port, in lower case; null where it is malformed. */
function hostName(header: string | null): string | null {
  const match = /^(\[[0-9a-f:.]+\]|[^:/\s]+)(?::\d+)?$/i.exec(header ?? "");
  return match?.[1]?.toLowerCase() ?? null;
}

/**
 * Whether a Host header may be answered. A page on the web can make its own name resolve to 127.0.0.1 (DNS rebinding) and then
 * read the service as if it were its own; but the name stays in the Host header.
 */
export function isHostAllowed(header: string | null, boundTo: string, publicUrl: string | undefined): boolean {
  if (!isLoopback(boundTo)) return true;
  const name = hostName(header);
  if (name === null) return false;
  return isLoopback(name) || (publicUrl !== undefined && name === new URL(publicUrl).hostname.toLowerCase());
}

/** Whether a request that changes something comes from no other site. Programs send no Origin. */
export function isOriginAllowed(origin: string | null, host: string | null, publicUrl: string | undefined): boolean {
  if (origin === null) return true;
  if (!URL.canParse(origin)) return false;
  const asked = new URL(origin).host.toLowerCase();
  return asked === host?.toLowerCase() || (publicUrl !== undefined && asked === new URL(publicUrl).host.toLowerCase());
}

/** Sent with every answer. No inline script or style is used, so the policy allows none. */
export const securityHeaders: Readonly<Record<string, string>> = {
  "Content-Security-Policy":
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Resource-Policy": "same-origin",
};
