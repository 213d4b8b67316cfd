/** Dead letters, and what is shown when a page can't be. */
import type { DeadLetterCounts, DeadLetterView, ReasonCount } from "../queries/dead-letters.ts";
import { moment, plural, whole } from "./format.ts";
import { Blank, Scroll, StateWord } from "./parts.tsx";

export function DeadLettersPage({
  letters,
  counts,
  reasons,
}: {
  readonly letters: readonly DeadLetterView[];
  readonly counts: DeadLetterCounts;
  readonly reasons: readonly ReasonCount[];
}) {
  return (
    <>
      <h1>Dead letters</h1>
      <p class="lead quiet">
        {whole(counts.recent)} in the last hour, {plural(counts.total, "dead letter")} kept. Messages that could not
        become an event: none is lost, none stops the stream.
      </p>
      {letters.length === 0 ? (
        <section>
          <Blank title="None">
            <p class="quiet">Every message became an event.</p>
          </Blank>
        </section>
      ) : (
        <>
          <ReasonsTable reasons={reasons} />
          <LettersTable letters={letters} />
        </>
      )}
    </>
  );
}

function ReasonsTable({ reasons }: { readonly reasons: readonly ReasonCount[] }) {
  return (
    <section>
      <Scroll label="Dead letters by format and reason">
        <table class="tight">
          <thead>
            <tr>
              <th scope="col">Reason</th>
              <th scope="col">Read as</th>
              <th scope="col">Last hour</th>
              <th scope="col">Kept</th>
            </tr>
          </thead>
          <tbody>
            {reasons.map(({ format, reason, recent, total }) => (
              <tr>
                <th scope="row">{reason.replaceAll("_", " ")}</th>
                <td class="mono">{format}</td>
                <td>{whole(recent)}</td>
                <td>{whole(total)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </section>
  );
}

function LettersTable({ letters }: { readonly letters: readonly DeadLetterView[] }) {
  return (
    <section>
      <Scroll label="Dead letters">
        <table class="tight">
          <thead>
            <tr>
              <th scope="col">Position</th>
              <th scope="col" class="narrow-hide">
                Received
              </th>
              <th scope="col">Reason</th>
              <th scope="col">Raw bytes</th>
            </tr>
          </thead>
          <tbody>
            {letters.map((letter) => (
              <tr>
                <th scope="row" class="mono value">
                  {letter.source} · {letter.partition} · {whole(letter.offset)}
                  {letter.item > 0 && <span class="under">event {letter.item} of the message</span>}
                </th>
                <td class="nowrap narrow-hide">{moment(letter.received_ms)}</td>
                <td class="value">
                  {letter.detail}
                  <span class="under">
                    {letter.reason.replaceAll("_", " ")}
                    {letter.format === "" ? "" : `, read as ${letter.format}`}
                  </span>
                </td>
                <td class="mono raw">
                  {letter.raw}
                  {letter.raw_bytes > letter.raw.length && (
                    <span class="faint"> … {whole(letter.raw_bytes)} bytes</span>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </section>
  );
}

/** Never green, never empty: what happened, whether anything is lost, what to do. */
export function TroublePage({ status, message }: { readonly status: number; readonly message: string }) {
  if (status === 404)
    return (
      <>
        <h1>Not found</h1>
        <p class="lead quiet">{message}</p>
        <p class="small-lead">
          <a href="/">To the overview</a>
        </p>
      </>
    );
  return (
    <>
      <h1>{status === 503 ? "The store does not answer" : "This page can't be shown"}</h1>
      <p class="lead">
        <StateWord state="page">{status === 503 ? "store away" : "error"}</StateWord>{" "}
        {status === 503
          ? "Events wait in Kafka, none is lost; clients of POST /v1/events are told to try again. This page comes back with the store."
          : "The log says more."}
      </p>
      <p class="small-lead quiet">{message}</p>
      <p class="small-lead">
        <a href="/ready">What is ready</a> · <a href="/">Try again</a>
      </p>
    </>
  );
}
