/** Models that events name and nobody watches, with what would watch them. */
import type { UnknownModels } from "../queries/unknown-models.ts";
import { plural } from "./format.ts";

const SHOWN_FEATURES = 8;

export function UnknownModelsSection({ unknown }: { readonly unknown: UnknownModels }) {
  const { models, more } = unknown;
  const example = models.find(({ configuration }) => configuration !== null)?.configuration ?? null;
  if (models.length === 0) return null;
  return (
    <section>
      <h2>Models that are not watched</h2>
      <p class="small quiet">
        Events name them and the configuration does not. Their messages are kept among the{" "}
        <a href="/dead-letters">dead letters</a>.
      </p>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">Model</th>
              <th scope="col" class="num">
                Messages
              </th>
              <th scope="col">Features</th>
            </tr>
          </thead>
          <tbody>
            {models.map(({ model, messages, features }) => (
              <tr>
                <td>{model === "" ? "(no text)" : model}</td>
                <td class="num">{messages}</td>
                <td>
                  {features.slice(0, SHOWN_FEATURES).join(", ")}
                  {features.length > SHOWN_FEATURES && ` and ${features.length - SHOWN_FEATURES} more`}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {more.names > 0 && (
        <p class="small quiet">
          {plural(more.names, "further name")}, {plural(more.messages, "message")}.
        </p>
      )}
      {example !== null && <pre tabIndex={0}>{example}</pre>}
    </section>
  );
}
