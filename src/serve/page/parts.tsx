/** Small parts that every view uses: state icons with their words, headings, tables that scroll, the SQL behind a picture. */
import type { ComponentChildren } from "preact";

/** How something stands. Always shown with a shape, a colour and a word. */
export type State = "steady" | "attention" | "page" | "none";

const SPOKEN: Readonly<Record<State, string>> = {
  steady: "steady",
  attention: "needs attention",
  page: "paging",
  none: "not enough data",
};

export function Icon({ state }: { readonly state: State }) {
  return (
    <svg class={`icon i-${state}`} viewBox="0 0 12 12" role="img" aria-label={SPOKEN[state]}>
      {state === "attention" && <path d="M6 .8 11.6 11H.4z" />}
      {state === "page" && <rect x="1" y="1" width="10" height="10" rx="1" />}
      {state === "steady" && <circle cx="6" cy="6" r="4.5" />}
      {state === "none" && <circle cx="6" cy="6" r="4.4" />}
    </svg>
  );
}

export function StateWord({ state, children }: { readonly state: State; readonly children: ComponentChildren }) {
  return (
    <span class={`state ${state}`}>
      <Icon state={state} />
      {children}
    </span>
  );
}

export function Head({
  title,
  note,
  sql,
}: {
  readonly title: ComponentChildren;
  readonly note?: ComponentChildren;
  readonly sql?: string;
}) {
  return (
    <div class="head">
      <h2>{title}</h2>
      {note !== undefined && <p>{note}</p>}
      {sql !== undefined && (
        <a class="sql" href={`#${sql}`}>
          SQL
        </a>
      )}
    </div>
  );
}

/** A wide table scrolls inside itself, so that the page never does. */
export function Scroll({ label, children }: { readonly label: string; readonly children: ComponentChildren }) {
  return (
    <div class="scroll" role="group" aria-label={`${label}, scrolls sideways on a narrow screen`} tabIndex={0}>
      {children}
    </div>
  );
}

/** Whose a model is, and what it is sorted by; nothing where neither is said. */
export function Owner({
  of,
}: {
  readonly of: {
    readonly owner?: string | undefined;
    readonly labels?: Readonly<Record<string, string>> | undefined;
  };
}) {
  const labels = Object.entries(of.labels ?? {}).map(([name, value]) => `${name}=${value}`);
  const said = [...(of.owner === undefined ? [] : [`Owner: ${of.owner}`]), ...labels];
  return said.length === 0 ? null : <p class="quiet">{said.join(" · ")}</p>;
}

/** The query that a picture comes from, to copy. */
export function SqlOf({ id, title, text }: { readonly id: string; readonly title: string; readonly text: string }) {
  return (
    <details class="data" id={id}>
      <summary>{title}</summary>
      <pre tabIndex={0}>{text}</pre>
    </details>
  );
}

/** A place where there is nothing to see, and why, and what to do. */
export function Blank({ title, children }: { readonly title: string; readonly children: ComponentChildren }) {
  return (
    <div class="blank">
      <h3>{title}</h3>
      {children}
    </div>
  );
}

/** The SQL literal of a name, for queries that are shown. */
export const shownLiteral = (text: string): string => `'${text.replace(/\\/g, "\\\\").replace(/'/g, "\\'")}'`;
