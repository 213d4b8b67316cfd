/** Who may post events to a sidecar and ask it for states. */
import { createHash, timingSafeEqual } from "node:crypto";

/** Whether a connection comes from this machine; the containers of a pod share it. */
export function isLoopbackPeer(address: string | undefined): boolean {
  const bare = (address ?? "").replace(/^::ffff:/, "");
  return bare === "::1" || bare.startsWith("127.");
}

/** Whether an Authorization header carries the token as `Bearer`. Digests have one length, so that comparing tells nothing by its time. */
export function isTokenOf(header: string | undefined, token: string): boolean {
  const given = /^Bearer +(\S+)$/i.exec(header ?? "")?.[1];
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return given !== undefined && timingSafeEqual(digest(given), digest(token));
}
