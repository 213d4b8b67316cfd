/**
 * `${NAME}` in a text of the configuration: put in once, after parsing, and never again, so that a value with `#`, quotes or `$`
 * can neither break the file nor be expanded itself. `${NAME:-text}` has a default, `$${` writes a literal `${`, and a `$` that no
 * brace follows is left alone.
 */

export interface Substitution {
  readonly text: string;
  /** Names of the variables that were put in. */
  readonly variables: readonly string[];
  /** Those that are set, but to nothing, and have no default. */
  readonly empty: readonly string[];
  /** Variables that are not set and have no default. */
  readonly unset: readonly string[];
  /** Pieces that begin with `${` but name no variable. */
  readonly malformed: readonly string[];
}

const PIECE = /\$\$\{|\$\{([^}]*)(\}?)/g;
const VARIABLE = /^([A-Za-z_][A-Za-z0-9_]*)(?::-([\s\S]*))?$/;

export type Environment = Readonly<Record<string, string | undefined>>;

/** The variable's value; undefined where it is not set. Own keys only: `${constructor}` is not set. */
export const lookUp = (environment: Environment, name: string): string | undefined =>
  Object.hasOwn(environment, name) ? environment[name] : undefined;

export function substitute(text: string, environment: Environment): Substitution {
  const variables: string[] = [];
  const empty: string[] = [];
  const unset: string[] = [];
  const malformed: string[] = [];
  const replaced = text.replace(PIECE, (piece, inside: string | undefined, closing: string | undefined) => {
    if (inside === undefined) return "${";
    const match = closing === "}" ? VARIABLE.exec(inside) : null;
    const name = match?.[1];
    if (name === undefined) {
      malformed.push(piece);
      return piece;
    }
    variables.push(name);
    const value = lookUp(environment, name);
    const fallback = match?.[2];
    if (fallback !== undefined) return value === undefined || value === "" ? fallback : value;
    if (value === undefined) unset.push(name);
    else if (value === "") empty.push(name);
    return value ?? "";
  });
  return { text: replaced, variables, empty, unset, malformed };
}
