/** Keeps secrets out of what is stored and logged about a delivery: addresses are cut to their host, known secrets masked. */

const ANSWER_CHARACTERS_MAX = 500;

/** A reason fit to be stored and shown: one line, no address beyond its host, none of the given secrets. */
export function redact(text: string, secrets: readonly string[] = []): string {
  let safe = text.replace(/[\s\p{Cc}]+/gu, " ").trim();
  for (const secret of secrets.flatMap(partsOf)) if (secret.length >= 4) safe = safe.replaceAll(secret, "[secret]");
  safe = safe.replace(/\b([a-z][a-z0-9+.-]*):\/\/(?:[^\s/@]*@)?([^\s/?#"'<>()]+)[^\s"'<>()]*/gi, "$1://$2/…");
  return safe.length > ANSWER_CHARACTERS_MAX ? `${safe.slice(0, ANSWER_CHARACTERS_MAX - 1)}…` : safe;
}

/** From here on a part of an address is taken for a token, and not for a word such as `hooks`. */
const TOKEN_CHARACTERS_MIN = 12;

/** A secret; of an address also what servers like to repeat ("Cannot POST /hooks/…"): its path, and each part that may be a token. */
function partsOf(secret: string): string[] {
  if (!/^https?:\/\//.test(secret) || !URL.canParse(secret)) return [secret];
  const { pathname, search, searchParams } = new URL(secret);
  const parts = [...pathname.split("/"), ...searchParams.values()].filter(
    (part) => part.length >= TOKEN_CHARACTERS_MIN,
  );
  return [secret, `${pathname}${search}`, ...(search === "" ? [] : [search]), pathname, ...parts];
}
