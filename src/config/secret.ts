/** Secrets of the configuration; the mark itself is in core, where plug-ins may use it. */
export { secret } from "../core/secret.ts";
