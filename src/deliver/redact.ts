/** Keeps secrets out of what is stored and logged about a delivery: addresses are cut to their host, known secrets masked. */

const ANSWER_CHARACTERS_MAX = 500;

/** A reason fit to be stored and shown: one line, no address beyond its host, none of the given secrets. */
export function redact(text: string, secrets: readonly string[] = []): string {
  let safe = text.replace(/[\s\p{Cc}]+/gu, " ").trim();
  for (const secret of secrets) if (secret.length >= 4) safe = safe.replaceAll(secret, "[secret]");
  safe = safe.replace(/\b([a-z][a-z0-9+.-]*):\/\/(?:[^\s/@]*@)?([^\s/?#"'<>()]+)[^\s"'<>()]*/gi, "$1://$2/…");
  return safe.length > ANSWER_CHARACTERS_MAX ? `${safe.slice(0, ANSWER_CHARACTERS_MAX - 1)}…` : safe;
}
